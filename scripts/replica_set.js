// Run by mongosh: makes the servers of the variable MEMBERS (HOST:PORT,...) one replica set, and ends when the majority has
// confirmed a write, or after PATIENCE seconds. `replica_set.py` does the same for one server, without mongosh, and says more about it.

const hosts = process.env.MEMBERS.split(',')
const [host] = hosts
const one = `mongodb://${host}/admin?directConnection=true&serverSelectionTimeoutMS=2000`
const set = `mongodb://${hosts}/basket_db?replicaSet=rs0`

function setUp() {
  const admin = connect(one)
  const members = hosts.map((host, _id) => ({ _id, host }))
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
  // A note in the oplog is a write that leaves nothing behind in any database. Any of several members may be the primary.
  const writeConcern = { w: 'majority', wtimeout: 2000 }
  const primary = hosts.length > 1 ? connect(`${set}&serverSelectionTimeoutMS=2000`).getSiblingDB('admin') : admin
  const { writeConcernError } = primary.runCommand({ appendOplogNote: 1, data: { basket: 'ready' }, writeConcern })
  if (writeConcernError) throw new Error(writeConcernError.errmsg)
}

for (const end = Date.now() + process.env.PATIENCE * 1000; ; sleep(200)) {
  try {
    setUp()
    if (hosts.length > 1) print(set)
    quit(0)
  } catch (error) {
    if (Date.now() < end) continue
    print(`error: ${hosts} can't be made a replica set: ${error.message}`)
    quit(1)
  }
}
