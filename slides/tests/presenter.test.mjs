// The speaker's view, the deck on a touch screen, and how long it takes until the first slide is shown.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { close, open, visible } from './browser.mjs'
import { deck } from './deck.mjs'

const phone = { viewport: { width: 844, height: 390 }, hasTouch: true, isMobile: true }

test("the presenter's view has the slide, the next one, the notes and the time", async () => {
  const page = await open('#/presenter/2', { viewport: { width: 1440, height: 900 } })
  const words = async (selector) => (await visible(page, selector).first().innerText()).replaceAll('’', "'")
  await visible(page, '.slidev-presenter .grid-section.next h1').first().waitFor()
  assert.ok((await words('.grid-section.main')).includes(deck[1].title), 'the slide')
  assert.ok((await words('.grid-section.next')).includes(deck[2].title), 'the next slide')
  assert.ok((await words('.grid-section.note')).includes(deck[1].note), 'the notes')
  assert.match(await words('.grid-section.note'), /in the 25 minutes/)
  const clock = visible(page, '.grid-section.bottom .font-mono')
  assert.match(await clock.innerText(), /-\s*:\s*--/, 'the time has not begun')
  await clock.hover()
  await visible(page, '.i-carbon\\:play').click()
  await page.waitForFunction(() => /\d\s*:\s*\d\d/.test(document.querySelector('.grid-section.bottom .font-mono').innerText))
  await page.keyboard.press('ArrowRight')
  await visible(page, '.grid-section.main h1').getByText(deck[2].title).waitFor()
  assert.ok((await words('.grid-section.note')).includes(deck[2].note), 'the notes follow')
  await close(page)
})

test('the fold player, by finger', async () => {
  const page = await open('#/fold', phone)
  const at = (name) => visible(page, `[data-test=${name}]`)
  await at('add-clocks').tap()
  assert.equal(await at('basket').textContent(), 'rocks = 1\nclocks = 1')
  const slider = await at('version').boundingBox()
  await page.touchscreen.tap(slider.x + 2, slider.y + slider.height / 2)
  assert.equal(await at('basket').textContent(), '(no basket)')
  await page.touchscreen.tap(slider.x + slider.width - 2, slider.y + slider.height / 2)
  assert.equal(await at('basket').textContent(), 'rocks = 1\nclocks = 1')
  assert.equal(await page.evaluate(() => location.hash.split('?')[0]), '#/fold', 'the finger moved the slider, not the deck')
  await close(page)
})

test('a swipe goes to the next slide, and back', async () => {
  const page = await open('#/2', phone)
  const touch = await page.context().newCDPSession(page)
  const swipe = async (from, to) => {
    const at = (x) => [{ x, y: 300 }]
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(from) })
    for (let step = 1; step <= 10; step++) {
      await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(from + ((to - from) * step) / 10) })
    }
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
  }
  await swipe(700, 150)
  await page.waitForFunction(() => location.hash.startsWith('#/3'))
  await swipe(150, 700)
  await page.waitForFunction(() => location.hash.startsWith('#/2'))
  await close(page)
})

test('how long it takes until the first slide is there', async (t) => {
  const seen = []
  for (let time = 0; time < 3; time++) {
    const page = await open()
    // Since the navigation began: the title is painted in its own typeface.
    seen.push(await page.evaluate(() => performance.now()))
    await close(page)
  }
  t.diagnostic(`first slide after ${seen.map((ms) => ms.toFixed(0)).join(', ')} ms, on this machine, from a cold cache`)
})
