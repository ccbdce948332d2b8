"""A fake of KurrentDB's wire protocol, for scripts/test-kurrentdb: it appends to streams in memory, by the message definitions that
the official client for Python carries. It is no KurrentDB: it has what an append needs, and nothing else.

Usage: fake_kurrentdb.py PORT FILE; the streams stand in FILE after each append. Not more than LIMIT events fit in one append.
"""

import json
import os
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import grpc
from kurrentdbclient.protos.v1 import streams_pb2, streams_pb2_grpc

LIMIT = 8
LATER = int(os.environ.get("LATER", "0"))  # so many appends are answered with "unavailable" first


class Streams(streams_pb2_grpc.StreamsServicer):
    def __init__(self, file):
        self.file, self.lock, self.appends = file, Lock(), 0
        self.streams = json.load(open(file, encoding="utf-8")) if os.path.exists(file) else {}

    def Append(self, requests, context):
        head, *messages = list(requests)
        events = [self.event(message.proposed_message) for message in messages]
        with self.lock:
            self.appends += 1
            if self.appends <= LATER:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the server is starting")
            if len(events) > LIMIT:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Maximum Append Size Exceeded")
            return self.append(head.options, events)

    def append(self, options, events):
        name = options.stream_identifier.stream_name.decode()
        stream = self.streams.get(name, [])
        kind = options.WhichOneof("expected_stream_revision")
        # The place of the first event.
        at = {"no_stream": 0, "revision": options.revision + 1}.get(kind, len(stream))
        there = [event["id"] for event in stream[at : at + len(events)]]
        if at != len(stream) and there != [event["id"] for event in events]:
            wrong = streams_pb2.AppendResp.WrongExpectedVersion()
            if stream:
                wrong.current_revision = len(stream) - 1
            else:
                wrong.current_no_stream.SetInParent()
            wrong.expected_revision = options.revision
            return streams_pb2.AppendResp(wrong_expected_version=wrong)
        if at == len(stream):
            self.streams[name] = stream + events
            with open(self.file + ".new", "w", encoding="utf-8") as file:
                json.dump(self.streams, file, ensure_ascii=False)
            os.replace(self.file + ".new", self.file)
        success = streams_pb2.AppendResp.Success(current_revision=at + len(events) - 1)
        success.no_position.SetInParent()
        return streams_pb2.AppendResp(success=success)

    @staticmethod
    def event(message):
        kind = message.id.WhichOneof("value")
        id = message.id.string if kind == "string" else None
        if kind == "structured":
            bits = message.id.structured
            mask = (1 << 64) - 1
            id = ((bits.most_significant_bits & mask) << 64) | (bits.least_significant_bits & mask)
            id = str(uuid.UUID(int=id))
        return {
            "id": id,
            "type": message.metadata["type"],
            "content-type": message.metadata["content-type"],
            "data": json.loads(message.data),
            "metadata": json.loads(message.custom_metadata),
        }


server = grpc.server(ThreadPoolExecutor(4))
streams_pb2_grpc.add_StreamsServicer_to_server(Streams(sys.argv[2]), server)
assert server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
print("ready", flush=True)
server.wait_for_termination()
