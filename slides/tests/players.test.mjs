// The interactive slides, by pointer and by keyboard, and what each click of the talk shows on them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { close, go, open, reach, visible } from './browser.mjs'

const on = (page) => (name) => visible(page, `[data-test=${name}]`)

test('the fold player, by pointer and by keyboard', async () => {
  const page = await open('#/fold')
  const at = on(page)
  assert.equal(await at('basket').textContent(), 'rocks = 1')
  await at('remove-clocks').click()
  assert.equal(await at('answer').textContent(), 'refused: there are no clocks in it')
  await at('add-clocks').click()
  assert.equal(await at('answer').textContent(), 'raised: + clocks')
  assert.equal(await at('basket').textContent(), 'rocks = 1\nclocks = 1')
  await reach(page, 'version')
  for (let step = 0; step < 3; step++) await page.keyboard.press('ArrowLeft')
  assert.equal(await at('basket').textContent(), 'socks = 1')
  assert.equal(await page.evaluate(() => location.hash.split('?')[0]), '#/fold', 'the keys moved the slider, not the deck')
  for (let step = 0; step < 9; step++) await page.keyboard.press('ArrowLeft')
  assert.equal(await at('basket').textContent(), '(no basket)')
  await reach(page, 'add-clocks')
  await page.keyboard.press('Enter')
  assert.equal(await at('basket').textContent(), 'rocks = 1\nclocks = 2')
  await close(page)
})

test('the fold player, on each click of the talk', async () => {
  const page = await open('#/fold')
  const at = on(page)
  await at('add-socks').click()
  for (const [click, basket] of [[1, 'socks = 1'], [2, 'rocks = 1\nclocks = 1'], [3, 'rocks = 1\nclocks = 1'], [1, 'socks = 1'], [0, 'rocks = 1']]) {
    await go(page, 'fold', click)
    assert.equal(await at('basket').textContent(), basket, `click ${click}`)
    assert.equal(await at('answer').locator('.refused').count(), click === 3 ? 1 : 0)
  }
  await close(page)
})

test('time is dragged along the cards, which do not move, and the newest card is always in view', async () => {
  const page = await open('#/fold')
  const at = on(page)
  const cards = visible(page, '.fold .stream li')
  for (let more = 5; more <= 20; more++) {
    await at(more % 2 ? 'add-clocks' : 'add-socks').click()
    assert.equal(await cards.last().locator('b').textContent(), String(more))
    const found = await page.evaluate(() => {
      const frame = document.querySelector('.slidev-layout:has(.fold)').getBoundingClientRect()
      return [...document.querySelectorAll('.fold .what')].filter((card) => {
        const box = card.getBoundingClientRect()
        return box.right > frame.right || box.bottom > frame.bottom || card.scrollWidth > card.clientWidth + 1
      }).map((card) => card.textContent)
    })
    assert.deepEqual(found, [], `clipped with ${more} cards`)
  }
  const places = () => cards.evaluateAll((all) => all.map((card) => [card.innerText, card.getBoundingClientRect().x]))
  const before = await places()
  const boxes = await Promise.all((await cards.all()).map((card) => card.boundingBox()))
  const line = boxes[0].y + 30
  await page.mouse.move(boxes.at(-1).x + boxes.at(-1).width + 4, line)
  await page.mouse.down()
  for (let index = boxes.length - 2; index >= 0; index--) {
    await page.mouse.move(boxes[index].x + boxes[index].width + 4, line, { steps: 3 })
    assert.deepEqual(await places(), before, 'no card moves while time is dragged')
    const versions = Number(await cards.nth(index).locator('b').textContent())
    assert.equal(await at('version').inputValue(), String(versions), `the playhead is behind card ${versions}`)
    assert.equal(await visible(page, '.fold .stream .future').count(), boxes.length - 1 - index)
  }
  await page.mouse.move(boxes[0].x - 10, line)
  await page.mouse.up()
  assert.ok(Number(await cards.first().locator('b').textContent()) < 12, 'earlier cards come in when it is let go')
  await close(page)
})

test('the race, without the unique key and with it', async () => {
  const page = await open('#/race')
  const at = on(page)
  for (let step = 0; step < 4; step++) await at('next').click()
  assert.match(await at('says').textContent(), /No one can say/)
  assert.equal(await at('stream').locator('.wrong').count(), 2, 'two events have version 4')
  for (let step = 0; step < 2; step++) await at('next').click()
  assert.match(await at('says').textContent(), /a conflict. Nothing is written/)
  assert.equal(await at('bob').locator('.wrong').textContent(), '4 is taken')
  await reach(page, 'next')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  assert.match(await at('bob').textContent(), /sees 3.*− socks.*4 is taken.*sees 4.*writes 5/, 'the steps stay')
  assert.equal(await at('next').isDisabled(), true)
  await at('unique').click()
  assert.equal(await at('says').textContent(), 'Three events, and two shoppers.')
  await at('unique').click()
  assert.match(await at('says').textContent(), /Once more, with the key/)
  await close(page)
})

test("the boss's question stays open", async () => {
  const page = await open('#/boss')
  assert.equal(await visible(page, '[data-test=question]').getByText('?').count(), 6)
  assert.equal(await visible(page, '.slidev-layout').getByText('%').count(), 0)
  await close(page)
})
