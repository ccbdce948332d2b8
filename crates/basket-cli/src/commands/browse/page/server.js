// What the page asks of its server, and what the server tells it. Answers are JSON, a line for each record.

/** Calls `take` with the records of an answer, some at a time; an answer that is cut off is an error. */
export async function ask(path, take, signal) {
  const response = await fetch(path.map(encodeURIComponent).join('/'), { signal })
  if (!response.ok) throw new Error(await response.text())
  const [reader, decoder] = [response.body.getReader(), new TextDecoder()]
  let rest = ''
  let whole = false
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
    rest = lines.pop()
    const records = lines.map((line) => JSON.parse(line))
    const last = records.at(-1)
    if (last?.error !== undefined) throw new Error(last.error)
    if (last?.end) whole = Boolean(records.pop())
    if (signal?.aborted) return
    take(records)
  }
  if (!whole) throw new Error('the answer was cut off')
}

/** All the records of an answer. */
export async function all(path, signal) {
  const found = []
  await ask(path, (records) => found.push(...records), signal)
  return found
}

/** Follows what is appended. A browser connects again by itself; `again` is called each time, and when something was missed. */
export function follow({ event, unreadable, again, lost }) {
  const source = new EventSource('live')
  source.onopen = again
  source.onerror = () => lost('the server does not answer')
  source.onmessage = ({ data }) => {
    const news = JSON.parse(data)
    if (news.event) event(news.event)
    if (news.unreadable) unreadable(news.unreadable)
    if (news.watching) again()
    if (news.lost) lost(news.lost)
  }
}
