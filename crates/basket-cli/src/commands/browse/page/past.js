// The events of a stream, and the state after any of them. A state is kept every so many events, and the next ones are
// applied to it: a step of the slider costs the same in a stream of ten events and in one of a hundred thousand.

const STRIDE = 1000

/** Takes the rows that were changed out, and puts them in again at their places. */
function apply(rows, changes, name) {
  for (const change of changes) {
    const at = rows.findIndex((row) => row.name === change[name])
    if (at >= 0) rows.splice(at, 1)
  }
  for (const change of changes) {
    if (change.at !== null) rows.splice(change.at, 0, { name: change[name], value: change.after })
  }
}

export class Past {
  /** Events, and documents that can't be read, in their order. */
  lines = []
  /** The state is known after so many of them. */
  known = 0
  /** The last version that was read. */
  head = 0
  /** What is wrong, where the state is not known to the end. */
  broken = ''
  #now = []
  #kept = [[]]
  #last = { at: 0, rows: [] }

  /** `name` is what a row's name is called. */
  constructor(name) {
    this.name = name
  }

  push(line) {
    if (line.changes && this.known === this.lines.length) {
      apply(this.#now, line.changes, this.name)
      this.known++
      if (this.known % STRIDE === 0) this.#kept.push(this.#now.slice())
    } else {
      this.broken ||= line.unreadable ?? line.breaks ?? ''
    }
    this.lines.push(line)
    this.head = Math.max(this.head, line.version ?? 0)
  }

  /** The rows after so many lines; nothing where they can't be known. */
  state(at) {
    if (at > this.known) return undefined
    const kept = Math.floor(at / STRIDE)
    const near = this.#last.at <= at && this.#last.at > kept * STRIDE
    let from = near ? this.#last.at : kept * STRIDE
    const rows = (near ? this.#last.rows : this.#kept[kept]).slice()
    while (from < at) apply(rows, this.lines[from++].changes, this.name)
    this.#last = { at, rows }
    return rows
  }

  /** The rows that differ between two states: with their value before and after, where they are there. */
  changes(from, to) {
    const [before, after] = [this.state(from), this.state(to)]
    if (!before || !after) return undefined
    const values = (rows) => new Map(rows.map(({ name, value }) => [name, JSON.stringify(value)]))
    const [old, now] = [values(before), values(after)]
    return [...new Set([...old.keys(), ...now.keys()])]
      .map((name) => ({ name, before: old.get(name), after: now.get(name) }))
      .filter((change) => change.before !== change.after)
  }
}
