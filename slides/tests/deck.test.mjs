// The built deck in a real browser: every slide and every click, in both sizes and both colour schemes, with no error, no
// request that leaves this machine, nothing that overflows; and the parts one can play with, by keyboard and by pointer.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dist, open as openPage, slides, start } from './browser.mjs'

const pictures = join(dist, 'pictures')
const source = readFileSync(join(slides, 'slides.md'), 'utf8')

const stageNotes = JSON.parse(readFileSync(join(slides, 'stage-notes.json'), 'utf8')).map(({ note }) => note)
const ownNotes = [...source.matchAll(/<!--\n([\s\S]*?)\n-->/g)].map(([, note]) => note)
/** Every slide has its note, so there are as many of one as of the other; the last slide proves the number. */
const notes = [...ownNotes, ...stageNotes]
const count = notes.length
const firstStage = source.slice(0, source.indexOf('src: ./stages.md')).match(/<!--/g).length + 1
/** A stage's slide moves once, from the code before to the code after; no other slide has clicks. */
const clicksOf = (slide) => (slide >= firstStage && slide < firstStage + stageNotes.length ? 1 : 0)

let site, browser, base

before(async () => {
  site = await start()
  ;({ browser, base } = site)
  mkdirSync(pictures, { recursive: true })
  const page = await open({ width: 1280, height: 720 }, 'light', `#/${count}`)
  assert.equal(await page.locator('.slidev-layout h1').filter({ visible: true }).textContent(), 'Thank you', 'the last slide')
  await page.context().close()
})

after(() => site?.end())

/** A slide of the deck, drawn. */
async function open(viewport, colorScheme, hash = '#/1') {
  const page = await openPage(site, { path: hash, viewport, colorScheme })
  await page.waitForSelector('.slidev-layout:visible')
  await page.evaluate(() => document.fonts.ready)
  return page
}

const go = async (page, slide, clicks = 0) => {
  await page.evaluate((hash) => (location.hash = hash), `#/${slide}${clicks ? `?clicks=${clicks}` : ''}`)
  await page.waitForFunction((slide) => document.querySelector(`.slidev-page-${slide}`)?.checkVisibility(), slide)
  await page.waitForTimeout(60)
}

for (const [width, height, scheme] of [[1920, 1080, 'light'], [1920, 1080, 'dark'], [1280, 720, 'light'], [1280, 720, 'dark']]) {
  test(`every slide at ${width}x${height}, ${scheme}`, { timeout: 600_000 }, async () => {
    const page = await open({ width, height }, scheme)
    assert.ok(count >= 38, `${count} slides`)
    const wrong = []
    for (let slide = 1; slide <= count; slide++) {
      await go(page, slide)
      for (let click = 0; click <= clicksOf(slide); click++) {
        await go(page, slide, click)
        await page.waitForTimeout(click ? 500 : 0)
        const found = await page.evaluate((slide) => {
          const layout = [...document.querySelectorAll(`.slidev-page-${slide} .slidev-layout`)].at(-1)
          if (!layout) return ['it is not there']
          const frame = layout.getBoundingClientRect()
          const scale = frame.width / layout.offsetWidth
          const trouble = []
          for (const element of layout.querySelectorAll('*')) {
            const box = element.getBoundingClientRect()
            if (!box.width || !box.height || element.closest('.cards')) continue
            if (box.right > frame.right + 1 || box.bottom > frame.bottom + 1 || box.left < frame.left - 1 || box.top < frame.top - 1)
              trouble.push(`<${element.tagName.toLowerCase()} class="${element.className}"> leaves the frame: ${element.textContent.trim().slice(0, 40)}`)
          }
          for (const code of layout.querySelectorAll('.slidev-code')) {
            if (!code.textContent.trim()) trouble.push('a snippet is empty')
            if (code.scrollWidth > code.clientWidth + 1) trouble.push(`code is wider than its box: ${code.textContent.trim().slice(0, 40)}`)
            const size = parseFloat(getComputedStyle(code).fontSize) * scale
            if (frame.width >= 1900 && size < 20) trouble.push(`code has ${size.toFixed(1)} px`)
          }
          return trouble.slice(0, 3)
        }, slide)
        wrong.push(...found.map((trouble) => `slide ${slide}, click ${click}: ${trouble}`))
      }
      if (width === 1280) await page.screenshot({ path: join(pictures, `${scheme}-${String(slide).padStart(2, '0')}.png`) })
    }
    await page.context().close()
    assert.deepEqual([...wrong, ...page.trouble], [])
  })
}

test('no serious accessibility finding, light and dark', { timeout: 600_000 }, async () => {
  const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
  const wrong = []
  for (const scheme of ['light', 'dark']) {
    const page = await open({ width: 1280, height: 720 }, scheme)
    await page.evaluate(axe)
    for (let slide = 1; slide <= count; slide++) {
      await go(page, slide)
      const found = await page.evaluate(async (slide) => {
        const { violations } = await window.axe.run(`.slidev-page-${slide} .slidev-layout`, { resultTypes: ['violations'] })
        return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 120)}`)
      }, slide)
      wrong.push(...found.map((finding) => `slide ${slide}, ${scheme}: ${finding}`))
    }
    await page.context().close()
  }
  assert.deepEqual(wrong, [])
})

test('a deep link and a reload keep the slide', async () => {
  const page = await open({ width: 1280, height: 720 }, 'light', '#/7')
  const title = () => page.locator('.slidev-page-7 h1').filter({ visible: true }).textContent()
  assert.equal(await title(), 'Then the boss comes in')
  await page.reload()
  await page.waitForSelector('.slidev-layout:visible')
  assert.equal(await title(), 'Then the boss comes in')
  await page.context().close()
})

test('the stages of the exercise have the slides that it names', async () => {
  const page = await open({ width: 1280, height: 720 }, 'light')
  for (let stage = 1; stage <= 9; stage++) {
    await page.goto(`${base}#/stage-${stage}`)
    await page.waitForFunction((stage) => [...document.querySelectorAll('.slidev-layout h1')].some((h) => h.checkVisibility() && h.textContent.startsWith(`Stage ${stage}.`)), stage)
  }
  await page.context().close()
})

test('every slide has notes, of a length that can be spoken', () => {
  const seconds = notes.map((note) => {
    const [, length, unit] = /^\[(\d+) (min|s)\] /.exec(note) ?? assert.fail(`no time: ${note}`)
    return Number(length) * (unit === 'min' ? 60 : 1)
  })
  notes.forEach((note, index) => {
    const words = note.split(/\s+/).length - 2
    const rate = words / (seconds[index] / 60)
    // Live coding leaves time to type; nobody can listen to more than 130 words a minute.
    assert.ok(rate >= 30 && rate <= 130, `${rate.toFixed(0)} words a minute: ${note.slice(0, 60)}`)
  })
  const minutes = seconds.reduce((sum, part) => sum + part) / 60
  assert.ok(minutes >= 40 && minutes <= 60, `25 minutes of talk and the live coding are ${minutes} minutes`)
})

const visible = (page, selector) => page.locator(selector).filter({ visible: true })

test('the fold player, by pointer and by keyboard', async () => {
  const page = await open({ width: 1280, height: 720 }, 'light', '#/fold')
  const at = (name) => visible(page, `[data-test=${name}]`)
  assert.equal(await at('basket').textContent(), 'rocks = 1')
  await at('remove').click()
  assert.match(await at('answer').textContent(), /refused: NotInBasket/)
  await at('add').click()
  assert.equal(await at('basket').textContent(), 'rocks = 1\nclocks = 1')
  await at('version').focus()
  for (let step = 0; step < 3; step++) await page.keyboard.press('ArrowLeft')
  assert.equal(await at('basket').textContent(), 'socks = 1')
  assert.equal(await page.evaluate(() => location.hash.split('?')[0]), '#/fold', 'the keys moved the slider, not the deck')
  for (let step = 0; step < 9; step++) await page.keyboard.press('ArrowLeft')
  assert.equal(await at('basket').textContent(), '(no basket)')
  await at('add').focus()
  await page.keyboard.press('Enter')
  assert.equal(await at('basket').textContent(), 'rocks = 1\nclocks = 2')
  assert.deepEqual(page.trouble, [])
  await page.context().close()
})

test('the race, with and without the unique key', async () => {
  const page = await open({ width: 1280, height: 720 }, 'light', '#/race')
  const at = (name) => visible(page, `[data-test=${name}]`)
  for (let step = 0; step < 5; step++) await at('next').click()
  assert.match(await at('bob').textContent(), /conflict, nothing written/)
  await at('next').focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  assert.equal(await at('bob').textContent(), 'writes version 5')
  assert.equal(await at('next').isDisabled(), true)
  await at('unique').click()
  for (let step = 0; step < 7; step++) await at('next').click()
  assert.match(await at('bob').textContent(), /Nobody can say/)
  assert.equal(await at('stream').locator('.wrong').count(), 1)
  assert.deepEqual(page.trouble, [])
  await page.context().close()
})

test("the boss's question", async () => {
  const page = await open({ width: 1280, height: 720 }, 'light', '#/boss')
  const at = (name) => visible(page, `[data-test=${name}]`)
  await at('ask').focus()
  await page.keyboard.press('Enter')
  const rows = await at('report').locator('tbody tr').allTextContents()
  const clocks = rows.find((row) => row.startsWith('clocks'))
  assert.ok(Number(/(\d+) %/.exec(clocks)[1]) > 80, clocks)
  assert.deepEqual(page.trouble, [])
  await page.context().close()
})

test('a contact sheet of all the slides, to be looked at', async () => {
  const context = await browser.newContext({ viewport: { width: 1640, height: 900 } })
  const page = await context.newPage()
  const image = (scheme, slide) => readFileSync(join(pictures, `${scheme}-${String(slide).padStart(2, '0')}.png`)).toString('base64')
  const all = ['light', 'dark'].flatMap((scheme) => Array.from({ length: count }, (_, slide) => image(scheme, slide + 1)))
  await page.setContent(`<body style="margin:4px;display:flex;flex-wrap:wrap;gap:4px">${all.map((data) => `<img width=320 src="data:image/png;base64,${data}">`).join('')}</body>`)
  await page.screenshot({ path: join(pictures, 'sheet.png'), fullPage: true })
  await context.close()
})
