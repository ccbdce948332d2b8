"""Makes the mongod at HOST:PORT a replica set of one under that name, and returns when the majority has confirmed a write.

The name is stored with the data: data that were used on another port get the new name. Doing it twice is harmless.
It speaks MongoDB's protocol itself, so that no driver has to be compiled for it; `replica_set.js` does the same in mongosh.
Usage: replica_set.py HOST:PORT SECONDS
"""

import socket
import struct
import sys
import time

NOT_YET_INITIATED = 94


def encode(document):
    """A document as BSON, of the types that the commands below need."""
    body = b""
    for name, value in document.items():
        key = name.encode() + b"\0"
        if isinstance(value, bool):
            body += b"\x08" + key + struct.pack("<?", value)
        elif isinstance(value, int):
            body += b"\x10" + key + struct.pack("<i", value)
        elif isinstance(value, str):
            text = value.encode() + b"\0"
            body += b"\x02" + key + struct.pack("<i", len(text)) + text
        elif isinstance(value, list):
            body += b"\x04" + key + encode({str(index): item for index, item in enumerate(value)})
        else:
            body += b"\x03" + key + encode(value)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def decode(data):
    """BSON as a document; of a type that the commands below do not read, the value is its bytes."""
    document, at = {}, 4
    while data[at] != 0:
        kind, end = data[at], data.index(b"\0", at + 1)
        name, at = data[at + 1 : end].decode(), end + 1
        if kind in (0x02, 0x03, 0x04, 0x05):
            (size,) = struct.unpack_from("<i", data, at)
            size += {0x02: 4, 0x05: 5}.get(kind, 0)
        else:
            size = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8}[kind]
        value, at = data[at : at + size], at + size
        if kind == 0x01:
            (value,) = struct.unpack("<d", value)
        elif kind == 0x02:
            value = value[4:-1].decode()
        elif kind == 0x03:
            value = decode(value)
        elif kind == 0x04:
            value = list(decode(value).values())
        elif kind == 0x10:
            (value,) = struct.unpack("<i", value)
        document[name] = value
    return document


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise OSError("the server closed the connection")
        data += part
    return data


def run(connection, **command):
    """Runs a command in the database `admin`: an OP_MSG (2013) with one section, and one as the answer."""
    message = struct.pack("<iB", 0, 0) + encode({**command, "$db": "admin"})
    connection.sendall(struct.pack("<iiii", len(message) + 16, 1, 0, 2013) + message)
    (size,) = struct.unpack("<i", receive(connection, 4))
    return decode(receive(connection, size - 4)[17:])


def must(reply):
    if reply.get("ok") != 1:
        raise OSError(reply.get("errmsg", "the server gives no reason"))
    return reply


def set_up(host):
    """One attempt. Raises an error with the reason if the server is not ready yet."""
    name, port = host.rsplit(":", 1)
    with socket.create_connection((name, int(port)), timeout=5) as connection:
        members = [{"_id": 0, "host": host}]
        reply = run(connection, replSetGetConfig=1)
        if reply.get("code") == NOT_YET_INITIATED:
            must(run(connection, replSetInitiate={"_id": "rs0", "members": members}))
        else:
            config = must(reply)["config"]
            if all(member["host"] != host for member in config["members"]):
                config = {"_id": config["_id"], "version": config["version"] + 1, "protocolVersion": 1, "members": members}
                must(run(connection, replSetReconfig=config, force=True))
        # A note in the oplog is a write that leaves nothing behind in any database.
        majority = {"w": "majority", "wtimeout": 2000}
        reply = must(run(connection, appendOplogNote=1, data={"basket": "ready"}, writeConcern=majority))
        if "writeConcernError" in reply:
            raise OSError(reply["writeConcernError"]["errmsg"])


def main():
    host, end = sys.argv[1], time.monotonic() + float(sys.argv[2])
    while True:
        try:
            return set_up(host)
        except (OSError, LookupError) as error:
            if time.monotonic() > end:
                sys.exit(f"error: the server at {host} does not become a replica set of one: {error}")
        time.sleep(0.1)


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
