// The stream that is open: its events as cards, the slider over them, and what was there then.
import { Past } from './past.js'
import { Rows, element, plain } from './rows.js'
import { all, ask } from './server.js'

const at = (id) => document.getElementById(id)
const times = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
/** So many rows of a state are drawn. */
const MOST = 300

export const time = (text) => (text ? times.format(new Date(text)) : '')
const row = (name, value) => plain(`${name} = ${value}`)

export class Stream {
  /** The stream that is open; empty where there is none. */
  id = ''
  #about
  #past
  #cursor = 0
  #mark = 0
  /** Cards from here on came while the stream was open, and were not looked at. */
  #seen = 0
  #reading = new AbortController()
  /** Settles when all that was stored is read. */
  #whole
  #again = false
  #waits = false
  #cards
  #failed
  #moved

  constructor(about, { failed, moved }) {
    this.#about = about
    this.#failed = failed
    this.#moved = moved
    this.#cards = new Rows(at('cards'), { make: card, fill: (box, index) => this.#fill(box, index), pick: (index) => this.go(index + 1) })
    at('slider').addEventListener('input', ({ target }) => this.go(Number(target.value)))
    at('mark').addEventListener('click', () => this.mark())
    at('document').addEventListener('click', () => this.document())
    at('chain').addEventListener('click', () => this.chain())
  }

  /** Reads a stream from its first event on. */
  async open(id, version = 0) {
    this.close()
    this.id = id
    this.#mark = this.#seen = 0
    this.#past = new Past(this.#about.row)
    this.#cursor = 0
    at('stream-name').textContent = plain(id)
    this.#draw()
    await this.#read(version)
  }

  close() {
    this.#reading.abort()
    this.id = ''
    this.#fold()
  }

  #read(version) {
    return (this.#whole = this.#readFrom(version))
  }

  async #readFrom(version) {
    this.#reading.abort()
    const { signal } = (this.#reading = new AbortController())
    const [past, id] = [new Past(this.#about.row), this.id]
    this.#past = past
    this.#cursor = 0
    try {
      await ask(['events', id], (lines) => {
        // Who has moved the slider meanwhile is left there.
        const follows = this.#cursor === past.lines.length
        for (const line of lines) past.push(line)
        const wanted = version ? past.lines.findIndex((line) => line.version === version) + 1 : past.lines.length
        if (follows) this.#cursor = wanted || past.lines.length
        this.#seen = past.lines.length
        this.#draw()
      }, signal)
    } catch (error) {
      if (!signal.aborted) this.#failed(error.message)
    }
  }

  /** Reads all of it again, and stays where it is. */
  again() {
    if (!this.id) return
    const atHead = this.#cursor === this.#past.lines.length
    return this.#read(atHead ? 0 : this.version)
  }

  /** Reads what was appended; what comes meanwhile is read after that. */
  async more() {
    if (this.#again) return (this.#again = 'more')
    this.#again = 'now'
    await this.#whole
    const [past, { signal }] = [this.#past, this.#reading]
    try {
      for (const line of await all(['events', this.id, past.head], signal)) {
        if (past !== this.#past || (line.version ?? 0) <= past.head) continue
        const follows = this.#cursor === past.lines.length
        past.push(line)
        if (follows) this.#cursor = past.lines.length
      }
      this.#draw()
    } catch (error) {
      if (!signal.aborted) this.#failed(error.message)
    }
    const wanted = this.#again === 'more'
    this.#again = false
    if (wanted && this.id) this.more()
  }

  get version() {
    return this.#past?.lines[this.#cursor - 1]?.version ?? 0
  }

  get page() {
    return this.#cards.page
  }

  step(by) {
    this.go(this.#cursor + by)
  }

  go(cursor) {
    if (!this.#past) return
    const before = this.#cursor
    this.#cursor = Math.min(Math.max(cursor, 1), this.#past.lines.length)
    if (before !== this.#cursor) this.#fold()
    // However many moves there are between two frames, one is drawn.
    if (!this.#waits) {
      this.#waits = true
      requestAnimationFrame(() => {
        this.#waits = false
        this.#draw()
      })
    }
  }

  mark() {
    this.#mark = this.#mark === this.#cursor ? 0 : this.#cursor
    this.#draw()
  }

  /** Shows the stored document, or hides it. */
  async document() {
    if (!at('stored').hidden) return this.#fold()
    const cursor = this.#cursor
    await this.#show(['document', this.id, this.version], cursor, ([{ document }]) => {
      at('stored').textContent = document
      at('stored').hidden = false
    })
  }

  /** Shows the events of all streams that belong together with this one, or hides them. */
  async chain() {
    const { correlation } = this.#past.lines[this.#cursor - 1] ?? {}
    if (!at('chained').hidden || !correlation) return this.#fold()
    await this.#show(['correlation', correlation], this.#cursor, (lines) => {
      lines.sort((one, other) => (one.recorded_at ?? '').localeCompare(other.recorded_at ?? ''))
      at('chained').replaceChildren(...lines.map((line) => this.#link(line)))
      at('chained').hidden = false
    })
  }

  #link(line) {
    const item = element('li')
    if (line.unreadable) {
      item.append(element('span', 'trouble', plain(line.unreadable)))
      return item
    }
    const id = line[this.#about.stream]
    const link = element('a', '', plain(`${id} ${line.version}`))
    link.href = `#${encodeURIComponent(id)}/${line.version}`
    item.append(link, element('span', 'words', ` ${plain(line.words)}`), element('small', '', ` ${time(line.recorded_at)}`))
    return item
  }

  async #show(path, cursor, show) {
    const { signal } = this.#reading
    try {
      const lines = await all(path, signal)
      if (cursor === this.#cursor) show(lines)
    } catch (error) {
      if (!signal.aborted) this.#failed(error.message)
    }
  }

  /** Hides what is of another event. */
  #fold() {
    at('stored').hidden = at('chained').hidden = true
  }

  #fill(box, index) {
    const line = this.#past.lines[index]
    const [version, words, who] = box.children
    version.textContent = line.version ?? '?'
    words.textContent = plain(line.unreadable ?? line.words)
    who.textContent = plain([line.actor, time(line.recorded_at), line.reason].filter(Boolean).join(' · '))
    box.classList.toggle('trouble', Boolean(line.unreadable))
    box.classList.toggle('later', index >= this.#cursor)
    box.classList.toggle('marked', index + 1 === this.#mark)
    box.classList.toggle('new', index >= this.#seen)
  }

  #draw() {
    const past = this.#past
    const count = past.lines.length
    if (this.#cursor === count) this.#seen = Math.max(this.#seen, count)
    const line = past.lines[this.#cursor - 1]
    const slider = at('slider')
    slider.max = count
    slider.value = this.#cursor
    slider.setAttribute('aria-valuetext', `version ${this.version} of ${past.head}`)
    at('place').textContent = `version ${this.version} of ${past.head}${count > this.#seen ? ` · ${count - this.#seen} new` : ''}`
    this.#cards.update(count, this.#cursor - 1)
    this.#drawState(past.state(this.#cursor))
    this.#drawChanges()
    this.#drawEvent(line)
    this.#moved()
  }

  #drawState(rows) {
    at('state-name').textContent = `After version ${this.version}`
    at('unknown').textContent = rows ? '' : `Not known: ${plain(this.#past.broken)}`
    const shown = (rows ?? []).slice(0, MOST).map(({ name, value }) => row(name, JSON.stringify(value)))
    if (rows?.length > MOST) shown.push(`and ${rows.length - MOST} more`)
    if (rows?.length === 0) shown.push('empty')
    texts(at('state'), shown)
  }

  #drawChanges() {
    const other = this.#mark || Math.max(0, this.#cursor - 1)
    const [from, to] = [Math.min(other, this.#cursor), Math.max(other, this.#cursor)]
    const version = (cursor) => this.#past.lines[cursor - 1]?.version ?? 0
    at('changes-name').textContent = this.#mark ? `From version ${version(from)} to ${version(to)}` : 'What it changed'
    at('mark').setAttribute('aria-pressed', this.#mark === this.#cursor)
    const changes = (this.#past.changes(from, to) ?? []).slice(0, MOST)
    const lines = changes.flatMap(({ name, before, after }) => [
      ...(before === undefined ? [] : [`− ${row(name, before)}`]),
      ...(after === undefined ? [] : [`+ ${row(name, after)}`]),
    ])
    texts(at('changes'), lines.length ? lines : ['nothing'])
    for (const item of at('changes').children) item.dataset.sign = item.textContent[0]
  }

  #drawEvent(line) {
    const facts = line?.unreadable ? [line.unreadable] : [line?.words, line?.breaks, line?.reason]
    texts(at('facts'), [
      ...facts.filter(Boolean).map(plain),
      ...(line?.actor ? [`by ${plain(line.actor)}`] : []),
      ...(line?.recorded_at ? [`at ${time(line.recorded_at)}`] : []),
      ...(line?.correlation ? [`correlation ${plain(line.correlation)}`] : []),
    ])
    at('chain').hidden = !line?.correlation
    at('document').hidden = !this.version
  }
}

function card() {
  const made = element('div', 'card')
  made.append(element('b'), element('span', 'words'), element('small'))
  return made
}

/** A list of these texts; its items are used again. */
function texts(list, lines) {
  while (list.children.length > lines.length) list.lastChild.remove()
  lines.forEach((line, index) => {
    const item = list.children[index] ?? list.appendChild(element('li'))
    if (item.textContent !== line) item.textContent = line
  })
}
