// Every slide of the built deck and every click, in both sizes and both colour schemes: no error, no request that leaves
// this machine, nothing overflows, overlaps, is too small or has too little contrast; and every slide has its notes.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { browser, close, go, open, visible } from './browser.mjs'
import { deck, dist } from './deck.mjs'
import { lookAt } from './look.mjs'

const pictures = join(dist, 'pictures')
const picture = (scheme, slide) => join(pictures, `${scheme}-${String(slide).padStart(2, '0')}.png`)
mkdirSync(pictures, { recursive: true })

for (const [width, height, colorScheme] of [[1920, 1080, 'light'], [1920, 1080, 'dark'], [1280, 720, 'light'], [1280, 720, 'dark']]) {
  test(`every slide at ${width}x${height}, ${colorScheme}`, { timeout: 600_000 }, async () => {
    const page = await open('#/1', { viewport: { width, height }, colorScheme })
    const wrong = []
    for (const { number, clicks, name } of deck) {
      for (let click = 0; click <= clicks; click++) {
        await go(page, number, click)
        await page.waitForFunction(() => document.getAnimations().every(({ playState }) => playState !== 'running'))
        const found = await page.evaluate(lookAt, number)
        wrong.push(...found.map((trouble) => `${name}, click ${click}: ${trouble}`))
      }
      if (width === 1280) await page.screenshot({ path: picture(colorScheme, number) })
    }
    assert.deepEqual(wrong, [])
    await close(page)
  })
}

test('no serious accessibility finding, light and dark', { timeout: 600_000 }, async () => {
  const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
  const wrong = []
  for (const colorScheme of ['light', 'dark']) {
    const page = await open('#/1', { colorScheme })
    await page.evaluate(axe)
    for (const { number, name } of deck) {
      await go(page, number)
      const found = await page.evaluate(async (slide) => {
        const { violations } = await window.axe.run(`.slidev-page-${slide} .slidev-layout`, { resultTypes: ['violations'] })
        return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 120)}`)
      }, number)
      wrong.push(...found.map((finding) => `${name}, ${colorScheme}: ${finding}`))
    }
    await close(page)
  }
  assert.deepEqual(wrong, [])
})

test('the deck ends with the last slide', async () => {
  assert.ok(deck.length >= 40, `${deck.length} slides`)
  const page = await open(`#/${deck.length}`)
  assert.equal(await visible(page, '.slidev-layout h1').textContent(), 'Thank you')
  await close(page)
})

test('a deep link and a reload keep the slide', async () => {
  const page = await open('#/7')
  const title = () => visible(page, '.slidev-page-7 h1').textContent()
  assert.equal(await title(), deck[6].title)
  await page.reload()
  await page.waitForSelector('.slidev-layout:visible')
  assert.equal(await title(), deck[6].title)
  await close(page)
})

test('the stages of the exercise have the slides that it names', async () => {
  const page = await open()
  for (let stage = 1; stage <= 9; stage++) {
    await page.evaluate((stage) => (location.hash = `#/stage-${stage}`), stage)
    await page.waitForFunction((stage) => [...document.querySelectorAll('.slidev-layout h1')].some((h) => h.checkVisibility() && h.textContent.startsWith(`Stage ${stage}.`)), stage)
  }
  await close(page)
})

test('every slide has notes, of a length that can be spoken', () => {
  let total = 0
  for (const { name, note } of deck) {
    const [, length, unit] = /^\[(\d+) (min|s)\] /.exec(note) ?? assert.fail(`${name} has no notes that begin with their time`)
    const seconds = Number(length) * (unit === 'min' ? 60 : 1)
    const rate = (note.split(/\s+/).length - 2) / (seconds / 60)
    // Live coding leaves time to type; a listener can't follow more than 130 words a minute.
    assert.ok(rate >= 30 && rate <= 130, `${name}: its notes are ${rate.toFixed(0)} words a minute`)
    total += seconds
  }
  assert.ok(total >= 40 * 60 && total <= 60 * 60, `25 minutes of talk and the live coding are ${total / 60} minutes`)
})

test('a contact sheet of all the slides, for people to look at', async () => {
  const context = await browser.newContext({ viewport: { width: 1640, height: 900 } })
  const page = await context.newPage()
  const all = ['light', 'dark'].flatMap((scheme) => deck.map(({ number }) => readFileSync(picture(scheme, number)).toString('base64')))
  await page.setContent(`<body style="margin:4px;display:flex;flex-wrap:wrap;gap:4px">${all.map((data) => `<img width=320 src="data:image/png;base64,${data}">`).join('')}</body>`)
  await page.screenshot({ path: join(pictures, 'sheet.png'), fullPage: true })
  await context.close()
})
