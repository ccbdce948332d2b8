// The two PDFs: a page for each slide, and a sheet for each slide with its notes on it. It needs `npm run pdf`.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PDFDocument } from 'pdf-lib'
import { deck } from './deck.mjs'

const path = (name) => fileURLToPath(new URL(`../dist/${name}`, import.meta.url))
const pdftotext = (...args) => execFileSync('pdftotext', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
const has = (run) => { try { run(); return true } catch { return false } }
const words = (text) => text.replaceAll('’', "'").replaceAll(/[“”]/g, '"').replace(/\s+/g, ' ').trim()

for (const [name, title] of [['basket.pdf', 'Event sourcing from scratch'], ['basket-notes.pdf', 'Event sourcing from scratch: slides and notes']]) {
  test(`${name} has a page for each slide, and a title`, async () => {
    const pdf = await PDFDocument.load(readFileSync(path(name)))
    assert.equal(pdf.getPageCount(), deck.length)
    assert.equal(pdf.getTitle(), title)
  })
}

/** Never skipped in CI: there a missing pdftotext is a failure. */
const unreadable = !process.env.CI && !has(() => pdftotext('-v')) && 'pdftotext is not here; install poppler-utils'
/** By the name that the talk gives the slide: what it shows only on its last click. */
const answers = { boss: /\d\d %/, fold: /refused: there are no socks/, race: /4 is taken.*writes 5/ }
for (const name of ['basket.pdf', 'basket-notes.pdf']) {
  test(`${name} has the answers of the interactive slides`, { skip: unreadable }, () => {
    const pages = pdftotext(path(name), '-').split('\f').map(words)
    for (const [alias, answer] of Object.entries(answers)) {
      const { number, clicks } = deck.find(({ routeAlias }) => routeAlias === alias)
      if (clicks) assert.match(pages[number - 1], answer, alias)
    }
  })
}

test('each sheet has the words of its slide and all of its notes', { skip: unreadable }, () => {
  const sheets = pdftotext('-layout', path('basket-notes.pdf'), '-').split('\f')
  for (const { number, name, title, note } of deck) {
    const sheet = words(sheets[number - 1])
    assert.ok(sheet.includes(words(note)), `${name}: its notes are not on their sheet`)
    assert.equal(sheet.includes('; in the 25 minutes'), deck[number - 1].short, `${name}: whether it is on the short way`)
    // Once above, in the slide, and once at the foot.
    assert.ok(sheet.split(words(title)).length > 2, `${name}: the slide is not on its sheet`)
  }
})
