// Every slide of the built deck and every click, in both sizes and both colour schemes: no error, no request that leaves
// this machine, nothing overflows, overlaps, is too small or has too little contrast; and every slide has its notes.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { injectPreparserExtensionLoader, load } from '@slidev/parser/fs'
import jsqr from 'jsqr'
import { REPOSITORY } from '../repository.js'
import { seconds, way } from '../scripts/path.mjs'
import { browser, close, go, open, visible } from './browser.mjs'
import { deck, dist, folder } from './deck.mjs'
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

test('the deck ends as it began, turned round; behind it is what may be asked for', async () => {
  assert.ok(deck.length >= 40, `${deck.length} slides`)
  const end = deck.findLast(({ backup }) => !backup)
  assert.equal(deck[1].title, 'Ask your bank for your balance')
  assert.equal(end.title, 'Ask your basket')
  assert.deepEqual(deck.slice(0, end.number).filter(({ backup }) => backup), [])
  assert.equal(deck[end.number].backup, true)
  const page = await open('#/end')
  assert.equal(await visible(page, '.slidev-layout h1').textContent(), end.title)
  await close(page)
})

for (const colorScheme of ['light', 'dark']) {
  test(`a phone reads the repository's address off the last slide, ${colorScheme}`, async () => {
    const page = await open('#/end', { colorScheme })
    const picture = (await visible(page, '.address').screenshot()).toString('base64')
    const { data, width, height } = await page.evaluate(async (picture) => {
      const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob())
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')
      context.drawImage(bitmap, 0, 0)
      const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height)
      return { data: [...data], width, height }
    }, picture)
    assert.equal(jsqr(new Uint8ClampedArray(data), width, height)?.data, REPOSITORY)
    await close(page)
  })
}

test('the words have true quotes', async () => {
  const page = await open()
  const wrong = []
  for (const { number, name } of deck) {
    await go(page, number)
    const straight = await page.evaluate((slide) => {
      const layout = [...document.querySelectorAll(`.slidev-page-${slide} .slidev-layout`)].at(-1)
      const walker = document.createTreeWalker(layout, NodeFilter.SHOW_TEXT)
      const texts = []
      while (walker.nextNode()) if (!walker.currentNode.parentElement.closest('code, pre, style, .mono, .screen, .slidev-code')) texts.push(walker.currentNode.data)
      return texts.filter((text) => /['"]|(^|\s)-\d/.test(text))
    }, number)
    wrong.push(...straight.map((text) => `${name}: ${text}`))
  }
  assert.deepEqual(wrong, [])
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
  for (const { name, note } of deck) {
    const length = seconds(note) ?? assert.fail(`${name} has no notes that begin with their time`)
    const rate = (note.split(/\s+/).length - 2) / (length / 60)
    // Live coding leaves time to type; a listener can't follow more than 130 words a minute.
    assert.ok(rate >= 30 && rate <= 130, `${name}: its notes are ${rate.toFixed(0)} words a minute`)
  }
})

test('the talk takes 50 minutes, and the short way 25, as its first slide promises', async () => {
  const minutes = (slides) => slides.reduce((sum, { note }) => sum + seconds(note), 0) / 60
  const [full, short] = [minutes(deck.filter(({ backup }) => !backup)), minutes(deck.filter(({ short }) => short))]
  assert.ok(full > 42 && full <= 50, `all of it takes ${full} minutes`)
  assert.ok(short > 20 && short <= 25, `the short way takes ${short} minutes`)
  assert.deepEqual(deck.filter(({ short, backup }) => short && backup), [])
  assert.match(deck[0].note, /twenty-five minutes .* fifty/)

  // What SHORT=1 shows, read as Slidev reads it.
  injectPreparserExtensionLoader(() => [way(true)])
  const { slides } = await load(folder, join(folder, 'slides.md'))
  assert.deepEqual(slides.map(({ title }) => title.replace('<br>', ' ')), deck.filter(({ short }) => short).map(({ title }) => title))
  assert.ok(slides.every(({ note, frontmatter }) => note.includes('in the 25 minutes') && !frontmatter.hide))
})

test('the boss hears the share that was recorded', () => {
  const { name, note } = deck.find(({ title }) => title === 'Now ask them')
  const [, share] = /^clocks .* (\d+) %/m.exec(readFileSync(join(folder, 'recordings/mongo/report.console'), 'utf8'))
  const slide = readFileSync(join(folder, 'chapters/7-worth.md'), 'utf8')
  assert.ok(slide.includes(`Of 100 clocks that are put in, ${share} are`), `${name}: ${share} % were recorded`)
  assert.ok(note.includes({ 85: 'eighty-five' }[share]), `${name}: its notes have another share than ${share} %`)
})

test('a contact sheet of all the slides, for people to look at', async () => {
  const context = await browser.newContext({ viewport: { width: 1640, height: 900 } })
  const page = await context.newPage()
  const all = ['light', 'dark'].flatMap((scheme) => deck.map(({ number }) => readFileSync(picture(scheme, number)).toString('base64')))
  await page.setContent(`<body style="margin:4px;display:flex;flex-wrap:wrap;gap:4px">${all.map((data) => `<img width=320 src="data:image/png;base64,${data}">`).join('')}</body>`)
  await page.screenshot({ path: join(pictures, 'sheet.png'), fullPage: true })
  await context.close()
})
