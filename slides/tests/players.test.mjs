// The interactive slides, by pointer and by keyboard.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { close, open, visible } from './browser.mjs'

const on = (page) => (name) => visible(page, `[data-test=${name}]`)

test('the fold player, by pointer and by keyboard', async () => {
  const page = await open('#/fold')
  const at = on(page)
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
  await close(page)
})

test('the race, with and without the unique key', async () => {
  const page = await open('#/race')
  const at = on(page)
  for (let step = 0; step < 5; step++) await at('next').click()
  assert.match(await at('bob').textContent(), /conflict, nothing written/)
  await at('next').focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  assert.equal(await at('bob').textContent(), 'writes version 5')
  assert.equal(await at('next').isDisabled(), true)
  await at('unique').click()
  for (let step = 0; step < 7; step++) await at('next').click()
  assert.match(await at('bob').textContent(), /Unknown/)
  assert.equal(await at('stream').locator('.wrong').count(), 1)
  await close(page)
})

test("the boss's question", async () => {
  const page = await open('#/boss')
  const at = on(page)
  await at('ask').focus()
  await page.keyboard.press('Enter')
  const rows = await at('report').locator('tbody tr').allTextContents()
  const clocks = rows.find((row) => row.startsWith('clocks'))
  assert.ok(Number(/(\d+) %/.exec(clocks)[1]) > 80, clocks)
  await close(page)
})
