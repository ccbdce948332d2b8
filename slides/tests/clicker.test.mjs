// A talk with a clicker in the hand: whatever was clicked last, its keys turn the pages; and what the speaker's window shows,
// the audience's shows, too, on every click through the whole deck.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base, close, go, open, reach, visible } from './browser.mjs'
import { deck } from './deck.mjs'

const controls = 'button, input, a, [tabindex="0"], .ap-player'
const hash = (page) => page.evaluate(() => location.hash)
const moves = (page, before) => page.waitForFunction((before) => location.hash !== before, before, { timeout: 1500 }).then(() => true, () => false)

test('every key of a clicker works after a click on any control of any slide', { timeout: 600_000 }, async () => {
  const page = await open()
  const trapped = []
  let tried = 0
  for (const { number, name } of deck) {
    await go(page, number)
    const count = await visible(page, `.slidev-page-${number} :is(${controls})`).count()
    for (let index = 0; index < count; index++) {
      for (const key of ['PageDown', 'PageUp', 'ArrowRight', 'ArrowLeft', 'Space']) {
        await go(page, number)
        const control = visible(page, `.slidev-page-${number} :is(${controls})`).nth(index)
        if (!(await control.isEnabled())) continue
        const said = (await control.evaluate((node) => node.outerHTML)).slice(0, 80)
        // A link of the slide would leave it.
        if (await control.evaluate((node) => node.tagName === 'A')) await control.focus()
        else await control.click({ position: { x: 6, y: 6 }, force: true })
        const before = await hash(page)
        await page.keyboard.press(key)
        if (!(await moves(page, before))) trapped.push(`${name}: ${key} does nothing after a click on ${said}`)
        tried++
      }
    }
  }
  assert.ok(tried > 60, `only ${tried} keys were tried`)
  assert.deepEqual(trapped, [])
  await close(page)
})

test('a control that was reached by keyboard keeps its own keys, and no others', async () => {
  const page = await open('#/fold')
  const at = (name) => visible(page, `[data-test=${name}]`)
  const before = await hash(page)
  await reach(page, 'version')
  await page.keyboard.press('ArrowLeft')
  assert.equal(await at('basket').textContent(), 'socks = 1\nrocks = 1', 'the arrows move time')
  await reach(page, 'add-clocks')
  await page.keyboard.press('Space')
  assert.equal(await at('basket').textContent(), 'rocks = 1\nclocks = 1', 'the space bar presses the button')
  assert.equal(await hash(page), before)
  await page.keyboard.press('ArrowRight')
  assert.ok(await moves(page, before), 'the arrow is not a key of a button')
  const after = await hash(page)
  await reach(page, 'version')
  await page.keyboard.press('PageDown')
  assert.ok(await moves(page, after), 'a page key passes through any control')
  await close(page)
})

/** What a window shows of a slide: its text and its drawings, without the places of things. */
const shows = (page, number) =>
  page.evaluate((number) => {
    const layout = [...document.querySelectorAll(`.slidev-page-${number} .slidev-layout`)].find((one) => one.checkVisibility())
    if (!layout) return `slide ${number} is not shown`
    const drawn = [...layout.querySelectorAll('svg *, .stream li:not(.future), [disabled], :checked, .line:not(.slidev-code-dishonored)')].filter((one) => one.checkVisibility({ visibilityProperty: true }))
    return `${layout.querySelector('.cast') ? '' : layout.innerText.replace(/\s+/g, ' ')} (${drawn.length} drawn)`
  }, number)

/** Two windows of one browser: the speaker's and the audience's. */
async function windows() {
  const audience = await open('#/1')
  const speaker = await audience.context().newPage()
  speaker.on('pageerror', (error) => audience.trouble.push(`speaker: ${error.message}`))
  await speaker.setViewportSize({ width: 1440, height: 900 })
  await speaker.goto(`${base}#/presenter/1`)
  await visible(speaker, '.slidev-presenter .slidev-page-1 h1').first().waitFor()
  return { audience, speaker }
}

test('a button of a slide is pressed for the audience, too, and then the clicker goes on', async () => {
  const { audience, speaker } = await windows()
  await speaker.evaluate(() => (location.hash = '#/presenter/race'))
  const step = (page, words) => visible(page, '[data-test=says]').first().getByText(words).waitFor({ timeout: 5000 })
  await step(audience, 'Three events')
  await visible(speaker, '[data-test=next]').first().click()
  await step(audience, 'Both load')
  await speaker.keyboard.press('PageDown')
  await step(audience, 'Both decide')
  await visible(speaker, '[data-test=unique]').first().click()
  await step(audience, 'with the key')
  await speaker.keyboard.press('PageDown')
  await step(audience, 'a conflict')
  await close(audience)
})

test('the audience sees what the speaker sees, on every click of the whole deck', { timeout: 600_000 }, async () => {
  const { audience, speaker } = await windows()
  const apart = []
  let last
  const same = async (number, click, way) => {
    if (apart.length > 3) return
    const name = `${deck[number - 1].name}, click ${click}, ${way}`
    const wanted = (page, place) => page.waitForFunction(([place, click]) => location.hash.split('?')[0] === place && Number(/clicks=(\d+)/.exec(location.hash)?.[1] ?? 0) === click, [place, click], { timeout: 3000 })
    const { routeAlias = number } = deck[number - 1]
    await wanted(speaker, `#/presenter/${routeAlias}`).catch(async () => apart.push(`${name}: the speaker is at ${await hash(speaker)}`))
    await wanted(audience, `#/${routeAlias}`).catch(async () => apart.push(`${name}: the audience is at ${await hash(audience)}`))
    for (const patience = Date.now() + 3000; ; await audience.waitForTimeout(50)) {
      const [one, other] = [await shows(speaker, number), await shows(audience, number)]
      if (one === other && !(click && way === 'forth' && one === last)) return (last = one)
      if (Date.now() > patience) return apart.push(`${name}: ${one === other ? 'the click changes nothing' : `\n  speaker:  ${one}\n  audience: ${other}`}`)
    }
  }
  await same(1, 0, 'forth')
  for (const { number, clicks } of deck) {
    for (let click = number === 1 ? 1 : 0; click <= clicks; click++) {
      await speaker.bringToFront()
      await speaker.keyboard.press('PageDown')
      await same(number, click, 'forth')
    }
  }
  for (const { number, clicks } of deck.slice(-8).reverse()) {
    for (let click = clicks; click >= 0; click--) {
      if (number === deck.length && click === clicks) continue
      await speaker.keyboard.press('PageUp')
      await same(number, click, 'back')
    }
  }
  assert.deepEqual(apart, [])
  await close(audience)
})
