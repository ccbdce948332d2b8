// The page /read, on a phone: all the slides and all that is said to them, legible, and no dead end.
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { close, open, visible } from './browser.mjs'
import { deck, dist } from './deck.mjs'

const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }
const words = (text) => text.replace(/[’‘]/g, "'").replace(/[“”]/g, '"').replace(/\s+/g, ' ').trim()

test('it has each slide and, below it, all that is said to it', async () => {
  const page = await open('read/', phone)
  const sections = await page.locator('main > section').evaluateAll((all) =>
    all.map((section) => ({ title: section.querySelector('h2').innerText, said: section.querySelector('.said').innerText, slide: section.querySelector('.slide').innerText })))
  assert.equal(sections.length, deck.length)
  for (const { number, title, note, name } of deck) {
    const { said, slide, title: shown } = sections[number - 1]
    assert.equal(words(shown), words(title), name)
    assert.equal(words(said), words(note.replace(/^\[.*?\] /, '')), name)
    assert.doesNotMatch(slide, /\{\{|<<<|```|\[object/, name)
  }
  await close(page)
})

test('nothing is left out of a slide: its code, its terminal and its drawing', async () => {
  const page = await open('read/', phone)
  const section = (title) => page.locator('section', { has: page.getByRole('heading', { name: title, exact: true }) })
  for (const [title, text] of [['Now ask them', '590'], ['One event, one document', "reason: 'for the hike'"], ['The fold, to play with', 'Play with it']]) {
    assert.match(await section(title).innerText(), new RegExp(text), title)
  }
  assert.match(await section(deck.find(({ title }) => title.startsWith('Stage 2.')).title).innerText(), /match event \{\n.*BasketCreated/, 'the code after, not the one before')
  for (const title of ['Decide, then apply', 'Where each third lives', 'Ask your basket']) assert.equal(await section(title).locator('svg').count(), 1, title)
  assert.equal(await page.locator('.unseen, .future').count(), 0, 'everything has happened')
  await close(page)
})

for (const width of [320, 360, 390]) {
  test(`at ${width} px nothing is wider than the phone, and no type is smaller than 16 px`, async () => {
    const page = await open('read/', { ...phone, viewport: { width, height: 740 } })
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it scrolls sideways')
    const small = await page.evaluate(() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      const found = []
      while (walker.nextNode()) {
        const { data, parentElement: element } = walker.currentNode
        if (!data.trim() || !element.checkVisibility()) continue
        // A drawing is scaled.
        const svg = element.closest('svg')
        const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1
        const size = parseFloat(getComputedStyle(element).fontSize) * scale
        if (size < 15.99) found.push(`${data.trim()}: ${size.toFixed(1)} px`)
        if (svg || element.closest('pre, .wide')) continue
        const range = document.createRange()
        range.selectNodeContents(walker.currentNode)
        if (range.getBoundingClientRect().right > innerWidth) found.push(`${data.trim()} is cut off`)
      }
      return found
    })
    assert.deepEqual(small, [])
    await close(page)
  })
}

test('who opens the talk on a phone reads it, and may open the slides', async () => {
  const page = await open('', phone)
  await page.waitForURL('**/talk/read/')
  await page.getByRole('link', { name: 'Open the slides' }).tap()
  await page.waitForURL('**/talk/#/1')
  await visible(page, '.slidev-layout h1').waitFor()
  await page.reload()
  await visible(page, '.slidev-layout h1').waitFor()
  assert.match(page.url(), /#\/1$/, 'the slides stay open')
  await page.getByRole('link', { name: 'Read the talk' }).tap()
  await page.waitForURL('**/talk/read/')
  await close(page)
})

test('the address of a slide shows that slide on a phone as well, and each number leads to its slide', async () => {
  const page = await open('#/boss', phone)
  assert.match(page.url(), /#\/boss$/)
  await page.getByRole('link', { name: 'Read the talk' }).tap()
  await page.waitForURL('**/talk/read/')
  await page.getByRole('link', { name: 'Slide 7, in the deck' }).tap()
  await page.waitForURL('**/talk/#/7')
  await visible(page, '.slidev-page-7 h1').waitFor()
  await close(page)
})

test('each film of the talk can be watched on a phone', async () => {
  for (const { name, routeAlias, title } of deck.filter(({ routeAlias }) => ['explore', 'live', 'practice'].includes(routeAlias))) {
    const page = await open('read/', phone)
    await page.locator('section', { has: page.getByRole('heading', { name: title, exact: true }) }).getByRole('link', { name: 'Watch it' }).tap()
    await page.getByRole('heading', { name: title, exact: true }).waitFor()
    await page.locator('.ap-term-text').waitFor()
    assert.equal(await page.getByRole('link', { name: 'back to the talk' }).getAttribute('href'), `../#/${routeAlias}`, name)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name)
    await close(page)
  }
  const page = await open('read/', phone)
  const film = page.locator('section', { has: page.getByRole('heading', { name: 'The same in a browser' }) }).getByRole('link', { name: 'Watch it' })
  const found = await page.request.get(await film.evaluate(({ href }) => href))
  assert.equal(found.status(), 200)
  await close(page)
})

test('a laptop, and a phone on its side, have the slides', async () => {
  for (const options of [{}, { ...phone, viewport: { width: 740, height: 360 } }]) {
    const page = await open('', options)
    await visible(page, '.slidev-layout h1').waitFor()
    assert.doesNotMatch(page.url(), /read/)
    assert.equal(await visible(page, '.to-read').count(), 0)
    await close(page)
  }
})

test('it is one small file, and needs no script', async (t) => {
  const { size } = statSync(join(dist, 'read/index.html'))
  t.diagnostic(`${(size / 1024).toFixed(0)} kB`)
  assert.ok(size < 300 * 1024)
  const page = await open('read/', { ...phone, javaScriptEnabled: false })
  assert.equal(await page.locator('script').count(), 0)
  await close(page)
})

test('no serious accessibility finding, light and dark', async () => {
  const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
  for (const colorScheme of ['light', 'dark']) {
    const page = await open('read/', { ...phone, colorScheme })
    await page.evaluate(axe)
    const found = await page.evaluate(async () => {
      const { violations } = await window.axe.run('body', { resultTypes: ['violations'] })
      return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`)
    })
    assert.deepEqual(found, [], colorScheme)
    await close(page)
  }
})
