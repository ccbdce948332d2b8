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
const words = (text) => text.replaceAll('’', "'").replace(/\s+/g, ' ').trim()

for (const name of ['basket.pdf', 'basket-notes.pdf']) {
  test(`${name} has a page for each slide`, async () => {
    const pdf = await PDFDocument.load(readFileSync(path(name)))
    assert.equal(pdf.getPageCount(), deck.length)
  })
}

/** Never skipped in CI: there a missing pdftotext is a failure. */
const unreadable = !process.env.CI && !has(() => pdftotext('-v')) && 'pdftotext is not here; install poppler-utils'
test('each sheet has the words of its slide and all of its notes', { skip: unreadable }, () => {
  const sheets = pdftotext('-layout', path('basket-notes.pdf'), '-').split('\f')
  for (const { number, name, title, note } of deck) {
    const sheet = words(sheets[number - 1])
    assert.ok(sheet.includes(words(note)), `${name}: its notes are not on their sheet`)
    // Once above, in the slide, and once at the foot.
    assert.ok(sheet.split(words(title)).length > 2, `${name}: the slide is not on its sheet`)
  }
})
