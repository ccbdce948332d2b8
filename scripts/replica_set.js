// Run by mongosh, with `host` and `seconds` set: makes the server at `host` a replica set of one under that name, and ends
// when the majority has confirmed a write. `replica_set.py` does the same without mongosh, and says more about it.

function setUp() {
  const admin = connect(`mongodb://${host}/admin?directConnection=true&serverSelectionTimeoutMS=2000`)
  const members = [{ _id: 0, host }]
  let config
  try {
    config = admin.runCommand({ replSetGetConfig: 1 }).config
  } catch (error) {
    if (error.codeName !== 'NotYetInitialized') throw error
    admin.runCommand({ replSetInitiate: { _id: 'rs0', members } })
  }
  if (config && config.members.every((member) => member.host !== host)) {
    const { _id, version } = config
    admin.runCommand({ replSetReconfig: { _id, version: version + 1, protocolVersion: 1, members }, force: true })
  }
  // A note in the oplog is a write that leaves nothing behind in any database.
  const writeConcern = { w: 'majority', wtimeout: 2000 }
  const { writeConcernError } = admin.runCommand({ appendOplogNote: 1, data: { basket: 'ready' }, writeConcern })
  if (writeConcernError) throw new Error(writeConcernError.errmsg)
}

for (const end = Date.now() + seconds * 1000; ; sleep(200)) {
  try {
    setUp()
    quit(0)
  } catch (error) {
    if (Date.now() < end) continue
    print(`error: the server at ${host} does not become a replica set of one: ${error.message}`)
    quit(1)
  }
}
