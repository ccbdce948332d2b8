// `basket browse` in a real browser: what it shows, what it never runs, and that it can be used by keyboard and on a phone.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createInterface } from 'node:readline'
import { close as closeIt, open as openAt } from './browser.mjs'
import { folder } from './deck.mjs'

const root = join(folder, '..')
const binary = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/basket')
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const home = mkdtempSync(join(tmpdir(), 'browse-'))
const environment = { PATH: process.env.PATH, HOME: home, BASKET_STORE: join(home, 'baskets.db'), BASKET_ACTOR: 'ann' }
const image = '<img src=x onerror=alert(1)>'

const basket = (...words) => execFileSync(binary, words, { cwd: home, env: environment, encoding: 'utf8' })
const create = (product, ...more) => JSON.parse(basket('create', product, '--format', 'json', ...more)).id
let server, address, id, other

before(async () => {
  if (!existsSync(binary)) execFileSync('cargo', ['build', '--quiet', '--package', 'basket-cli'], { cwd: root })
  other = create('hats', '--correlation', 'order-7')
  id = create('socks')
  basket('add', id, 'rocks', '-q', '2', '--as', 'bob', '-m', 'a second pair', '--correlation', 'order-7')
  basket('add', id, image)
  basket('remove', id, 'socks')
  server = spawn(binary, ['browse'], { cwd: home, env: environment, stdio: ['ignore', 'pipe', 'ignore'] })
  for await (const line of createInterface(server.stdout)) {
    address = line
    break
  }
})

after(async () => {
  const ended = new Promise((resolve) => server.on('exit', resolve))
  server.kill('SIGINT')
  assert.equal(await ended, 0, 'it ends well, whatever is open')
  rmSync(home, { recursive: true })
})

/** A page of it, at a stream and a version. A dialog would be a script that ran. */
async function open(hash = '', options = {}) {
  const page = await openAt(hash && `#${hash}`, options, address)
  page.setDefaultTimeout(10_000)
  page.on('dialog', (dialog) => page.trouble.push(`a script ran: ${dialog.message()}`))
  await page.locator('#status', { hasText: 'live' }).waitFor()
  if (hash) await page.locator('#cards [role=option]').first().waitFor()
  return page
}

/** Closes a page that had no errors. Chromium calls a request failed if the page has read its end first; so the page itself asks
 * of each answer whether it is whole, and says if not. */
async function close(page) {
  assert.equal(await page.locator('#status').textContent(), 'live')
  page.trouble = page.trouble.filter((trouble) => !trouble.startsWith(`failed: ${address}`))
  await closeIt(page)
}

const state = (page) => page.locator('#state li').allTextContents()
const says = (page, selector, text) => page.locator(selector, { hasText: text }).first().waitFor()

test('the list, the past of a basket, and what changed, all by keyboard', async () => {
  const page = await open()
  assert.equal(await page.title(), `baskets in ${environment.BASKET_STORE}`)
  await page.keyboard.press('/')
  await page.keyboard.type(other.slice(-6))
  assert.equal(await page.locator('#list [role=option]').count(), 1)
  await page.keyboard.press('Control+A')
  await page.keyboard.type(id.slice(-6))
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  await says(page, '#place', 'version 5 of 5')
  assert.deepEqual(await state(page), ['rocks = 2', `${image} = 1`], 'a name is text')
  await page.keyboard.press('k')
  await says(page, '#place', 'version 4 of 5')
  assert.deepEqual(await state(page), ['socks = 1', 'rocks = 2', `${image} = 1`])
  await page.keyboard.press('ArrowUp')
  await says(page, '#facts', 'a second pair')
  await page.keyboard.press('d')
  await says(page, '#stored', '"correlation":"order-7"')
  await page.keyboard.press('c')
  await says(page, '#chained', 'added 1 of \'hats\'')
  assert.equal(await page.locator('#chained li').count(), 3)
  await page.keyboard.press('Home')
  await says(page, '#state', 'empty')
  await page.keyboard.press('m')
  await page.keyboard.press('End')
  await says(page, '#changes-name', 'From version 1 to 5')
  assert.deepEqual(await page.locator('#changes li').allTextContents(), ['+ rocks = 2', `+ ${image} = 1`])
  assert.equal(await page.locator('img').count(), 0)
  const reached = new Set()
  for (let step = 0; step < 12; step++) {
    await page.keyboard.press('Tab')
    reached.add(await page.evaluate(() => document.activeElement.id))
  }
  for (const name of ['keys', 'search', 'having', 'list', 'back', 'slider', 'cards', 'mark', 'document']) assert.ok(reached.has(name), `${name} can't be reached`)
  await page.keyboard.press('?')
  await page.locator('#help').waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.locator('#stream-pane').waitFor({ state: 'hidden' })
  assert.equal(await page.evaluate(() => document.activeElement.id), 'list')
  await close(page)
})

test('the slider shows the state of then, and the address leads back to it', async () => {
  const page = await open(id)
  await page.locator('#slider').fill('3')
  await says(page, '#place', 'version 3 of 5')
  assert.deepEqual(await state(page), ['socks = 1', 'rocks = 2'])
  assert.deepEqual(await page.locator('#changes li').allTextContents(), ['+ rocks = 2'])
  await page.waitForFunction((end) => location.hash.endsWith(end), `${id}/3`)
  await page.reload()
  await says(page, '#place', 'version 3 of 5')
  assert.deepEqual(await state(page), ['socks = 1', 'rocks = 2'])
  await close(page)
})

test('a second window sees what is written, and a slider in the past stays there', async () => {
  const [now, then] = [await open(id), await open(`${id}/2`)]
  await says(then, '#place', 'version 2 of 5')
  basket('add', id, 'clocks')
  await says(now, '#place', 'version 6 of 6')
  assert.deepEqual((await state(now)).at(-1), 'clocks = 1')
  await says(then, '#place', 'version 2 of 6 · 1 new')
  assert.deepEqual(await state(then), ['socks = 1'])
  const created = create('pins')
  await now.keyboard.press('Escape')
  await now.locator(`#list .new`, { hasText: created }).waitFor()
  basket('remove', id, 'clocks')
  await says(then, '#place', 'of 7 · 2 new')
  await close(now)
  await close(then)
})

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing, ${colorScheme}`, async () => {
    for (const hash of ['', `${id}/3`]) {
      const page = await open(hash, { colorScheme })
      await page.keyboard.press(hash ? 'd' : '?')
      await page.evaluate(axe)
      const { violations } = await page.evaluate(() => window.axe.run())
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ target, any }) => [target, any[0]?.message])]), [])
      await close(page)
    }
  })
}

test('on a phone nothing is wider than the screen', async () => {
  for (const hash of ['', `${id}/4`]) {
    const page = await open(hash, { viewport: { width: 360, height: 740 } })
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(width <= 360, `${width} px`)
    if (hash) assert.equal(await page.locator('#list').isVisible(), false)
    await close(page)
  }
})

test('a document that can\'t be read is named, and the states before it are shown', { skip: !existsSync('/usr/bin/sqlite3') && 'sqlite3 is not installed' }, async () => {
  const broken = create('socks')
  basket('add', broken, 'rocks')
  execFileSync('sqlite3', [environment.BASKET_STORE, "UPDATE baskets SET type = 'ItemBlessed' WHERE version = 3 AND basket_id = '" + broken + "'"])
  basket('list')
  const page = await open(broken)
  await says(page, '#facts', 'the document with _id ObjectId(')
  await page.keyboard.press('k')
  assert.deepEqual(await state(page), ['socks = 1'])
  await close(page)
})
