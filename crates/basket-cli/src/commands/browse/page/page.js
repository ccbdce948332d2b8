// The list of streams, the keys, and what connects them with the stream that is open. The address names that one and its
// version, so that it can be sent to someone.
import { Rows, element, plain } from './rows.js'
import { all, follow } from './server.js'
import { Stream, time } from './stream.js'

const at = (id) => document.getElementById(id)
/** How long events are collected before the list is read again, in milliseconds. */
const PAUSE = 300
/** More streams than these are not asked for one by one. */
const FEW = 20

const about = await (await fetch('about')).json()
let [lines, found, selected] = [[], [], '']
/** Streams in which something has happened since they were looked at. */
const fresh = new Set()
const changed = new Set()

document.title = `${about.stream}s in ${about.store}`
at('store').textContent = `${about.stream}s in ${plain(about.store)}`
at('having-label').textContent = `Only with this ${about.row}`
at('list').setAttribute('aria-label', `${about.stream}s`)
// The token is in a cookie now.
if (location.search) history.replaceState(null, '', location.pathname + location.hash)

const list = new Rows(at('list'), { make: entry, fill, pick: (index) => open(found[index].id) })
const stream = new Stream(about, { failed, moved })

function status(text, kind = '') {
  at('status').textContent = text
  at('status').className = kind
}

function failed(why) {
  status(plain(why), 'trouble')
}

function entry() {
  const made = element('div', 'entry')
  made.append(element('b'), element('small'))
  return made
}

function fill(box, index) {
  const line = found[index]
  const [name, rest] = box.children
  name.textContent = plain(line.id)
  const unreadable = line.unreadable ? [`unreadable: ${line.unreadable}`] : []
  rest.textContent = [`${line.versions} versions, ${line.rows} rows`, ...unreadable, time(line.changed)].filter(Boolean).join(' · ')
  box.classList.toggle('new', fresh.has(line.id))
  box.classList.toggle('trouble', line.unreadable > 0)
  box.classList.toggle('open', line.id === stream.id)
}

function search(reveal = false) {
  const wanted = at('search').value.trim().toLowerCase()
  found = wanted ? lines.filter(({ id }) => id.toLowerCase().includes(wanted)) : lines
  if (!found.some(({ id }) => id === selected)) selected = found[0]?.id ?? ''
  list.update(found.length, found.findIndex(({ id }) => id === selected), reveal)
  at('count').textContent = found.length === lines.length ? `${lines.length}` : `${found.length} of ${lines.length}`
}

function select(index) {
  selected = found[Math.min(Math.max(index, 0), found.length - 1)]?.id ?? ''
  search(true)
}

const having = () => at('having').value.trim()

async function readList() {
  const read = await all(having() ? ['having', having()] : ['list'])
  at('note').textContent = plain(read.find(({ note }) => note)?.note ?? '')
  lines = read.filter(({ id }) => id !== undefined)
  search()
}

/** Reads the lines of the streams that have changed. */
async function readChanged() {
  const ids = [...changed]
  changed.clear()
  if (having() || ids.length > FEW) return readList()
  for (const id of ids) {
    const [line] = await all(['list', id])
    lines = [...(line ? [line] : []), ...lines.filter((other) => other.id !== id)]
  }
  search()
}

function moved() {
  clearTimeout(moved.later)
  const address = `#${encodeURIComponent(stream.id)}/${stream.version}`
  moved.later = setTimeout(() => stream.id && history.replaceState(null, '', address), PAUSE)
}

/** Opens a stream; `back` leaves it. */
function open(id, version) {
  selected = id
  fresh.delete(id)
  document.body.dataset.open = 'stream'
  at('stream-pane').hidden = at('then-pane').hidden = false
  stream.open(id, version)
  search()
  at('cards').focus()
}

function back() {
  stream.close()
  clearTimeout(moved.later)
  delete document.body.dataset.open
  at('stream-pane').hidden = at('then-pane').hidden = true
  history.replaceState(null, '', location.pathname)
  search(true)
  at('list').focus()
}

/** Opens what the address names. */
function visit() {
  const [id, version] = location.hash.slice(1).split('/')
  if (id) open(decodeURIComponent(id), Number(version) || 0)
  else if (stream.id) back()
}

/** What a step is in the pane that has the focus. */
function step(by) {
  const inList = !stream.id || at('list-pane').contains(document.activeElement)
  const pane = inList ? list : stream
  const steps = { first: -Infinity, last: Infinity, up: -pane.page, down: pane.page }[by] ?? by
  if (inList) select(found.findIndex(({ id }) => id === selected) + steps)
  else stream.step(steps)
}

const steps = {
  ArrowUp: -1, ArrowLeft: -1, k: -1, ArrowDown: 1, ArrowRight: 1, j: 1,
  Home: 'first', End: 'last', PageUp: 'up', PageDown: 'down',
}
const keys = {
  '/': () => at('search').focus(),
  '?': () => at('help').showModal(),
  Escape: () => stream.id && back(),
  m: () => stream.id && stream.mark(),
  d: () => stream.id && stream.document(),
  c: () => stream.id && stream.chain(),
}

document.addEventListener('keydown', (event) => {
  const { key, target } = event
  if (event.ctrlKey || event.altKey || event.metaKey || at('help').open) return
  if (target.matches('input[type=search]')) {
    if (key === 'Escape' && target.value) return
    if (!['Escape', 'Enter', 'ArrowDown'].includes(key)) return
    event.preventDefault()
    at('list').focus()
    return
  }
  // The slider and what scrolls have keys of their own.
  if (key in steps && !(key.length > 1 && target.matches('input, pre'))) step(steps[key])
  else if (key === 'Enter' && target === at('list') && selected) open(selected)
  else if (key in keys) keys[key]()
  else return
  event.preventDefault()
})

at('search').addEventListener('input', () => search(true))
at('having').addEventListener('change', () => readList().catch(({ message }) => failed(message)))
at('back').addEventListener('click', back)
at('keys').addEventListener('click', () => at('help').showModal())
addEventListener('hashchange', visit)

let first = true
follow({
  event(event) {
    const id = event[about.stream]
    if (id === stream.id) stream.more()
    else fresh.add(id)
    if (!changed.size) setTimeout(() => readChanged().catch(({ message }) => failed(message)), PAUSE)
    changed.add(id)
    status('live')
  },
  async unreadable(why) {
    failed(why)
    await Promise.allSettled([readList(), stream.again()])
  },
  async again() {
    try {
      // What is appended from here on comes by itself, so that nothing is missed in between.
      if (first) visit()
      await Promise.all([readList(), first || stream.again()])
      status('live')
    } catch ({ message }) {
      failed(message)
    }
    first = false
  },
  lost: failed,
})
