// The practice run, at /practice and on its slide, in a real browser: used by pointer and by keyboard.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { base, open, reach } from './browser.mjs'
import { dist, folder } from './deck.mjs'

const places = { 'the page': 'practice/', 'the slide': '#/practice' }

const at = (page, name) => page.locator(`[data-test=${name}]`).filter({ visible: true })
const says = (page, words) => at(page, 'screen').getByText(words).first().waitFor({ timeout: 10_000 })
const chapter = (page, name) => at(page, 'chapters').getByRole('button', { name })
const seconds = async (page) => {
  const [, minutes, rest] = /^(\d+):(\d+) /.exec(await at(page, 'time').textContent())
  return Number(minutes) * 60 + Number(rest)
}
/** Waits until the first button has this label. */
const offers = (page, word) => at(page, 'play').filter({ hasText: new RegExp(`^${word}$`) }).waitFor({ timeout: 20_000 })
/** Whether the recording is playing. */
const runs = async (page) => {
  const before = await seconds(page)
  await page.waitForTimeout(1500)
  return (await seconds(page)) > before
}
async function ready(path, options) {
  const page = await open(path, options)
  await chapter(page, /^Stage 1\./).waitFor()
  return page
}

for (const [place, path] of Object.entries(places)) {
  test(`on ${place} it plays and pauses, by pointer and by keyboard`, async () => {
    const page = await ready(path)
    await says(page, 'creating a basket says so with an event')
    assert.equal(await seconds(page), 0)
    assert.equal(await runs(page), false, 'it does not play by itself')

    await at(page, 'play').click()
    await says(page, 'make from_scratch')
    assert.equal(await runs(page), true)
    await offers(page, 'pause')
    await at(page, 'play').click()
    await offers(page, 'play')
    assert.equal(await runs(page), false)

    await reach(page, 'play')
    await page.keyboard.press('Enter')
    assert.equal(await runs(page), true)
    await page.keyboard.press('Space')
    assert.equal(await runs(page), false)
    await reach(page, 'screen')
    await page.keyboard.press('Space')
    assert.equal(await runs(page), true, 'the terminal takes the space bar')
    assert.deepEqual(page.trouble, [])
    await page.context().close()
  })

  test(`on ${place} a chapter is a jump to its stage, playing or not`, async () => {
    const page = await ready(path)
    assert.equal(await at(page, 'chapters').getByRole('button').count(), 8, 'seven stages, and that it runs')
    await chapter(page, /^Stage 5\./).click()
    await says(page, 'the same basket comes out of its history')
    assert.match(await at(page, 'chapter').textContent(), /^Stage 5\. Replay/)
    assert.equal(await chapter(page, /^Stage 5\./).getAttribute('aria-current'), 'step')
    assert.equal(await runs(page), false)

    await at(page, 'play').click()
    await chapter(page, /^Stage 2\./).focus()
    await page.keyboard.press('Enter')
    await says(page, 'a basket that was created knows its id')
    assert.equal(await runs(page), true)
    assert.match(await at(page, 'chapter').textContent(), /^Stage 2\./)
    assert.deepEqual(page.trouble, [])
    await page.context().close()
  })

  test(`on ${place} it plays four times as fast, from where it was`, async () => {
    const page = await ready(path)
    await chapter(page, /^Stage 3\./).click()
    await at(page, 'play').click()
    await page.waitForTimeout(500)
    const [before, start] = [await seconds(page), Date.now()]
    await at(page, 'speed').click()
    await at(page, 'speed').click()
    assert.equal(await at(page, 'speed').textContent(), '4×')
    await page.waitForTimeout(3000)
    const [gone, passed] = [(await seconds(page)) - before, (Date.now() - start) / 1000]
    assert.ok(gone > 2 * passed && gone < 6 * passed, `${gone} s were played in ${passed} s`)
    await at(page, 'play').click()
    await offers(page, 'play')
    const paused = await seconds(page)
    await at(page, 'speed').focus()
    await page.keyboard.press('Enter')
    assert.equal(await at(page, 'speed').textContent(), '1×')
    assert.equal(await runs(page), false, 'what was paused stays so')
    assert.equal(await seconds(page), paused)
    assert.deepEqual(page.trouble, [])
    await page.context().close()
  })
}

test('it ends, and plays again from its beginning', async () => {
  const page = await ready('practice/')
  await chapter(page, 'It runs').click()
  await at(page, 'speed').click()
  await at(page, 'speed').click()
  await at(page, 'play').click()
  await says(page, 'Created basket with id')
  await says(page, 'rocks = 2')
  await offers(page, 'play')
  await at(page, 'play').click()
  await says(page, 'make from_scratch')
  assert.ok((await seconds(page)) < 30)
  assert.deepEqual(page.trouble, [])
  await page.context().close()
})

test('a finger is enough, on a phone, and the page is not wider than it', async () => {
  const page = await ready('practice/', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  await chapter(page, /^Stage 6\./).tap()
  await says(page, 'an event is written down by its name and its data')
  await at(page, 'play').tap()
  assert.equal(await runs(page), true)
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
  for (const button of await page.getByRole('button').all()) {
    const { width, height } = await button.boundingBox()
    assert.ok(width >= 40 && height >= 40, `${await button.textContent()} is ${width} by ${height}`)
  }
  assert.deepEqual(page.trouble, [])
  await page.context().close()
})

test('a recording that is not there is said so', async () => {
  const page = await open()
  await page.context().route('**/practice.cast', (route) => route.fulfill({ status: 404 }))
  await page.goto(`${base}practice/`)
  assert.match(await page.getByRole('alert').textContent(), /can't be played: .*practice\.cast: 404/)
  assert.equal(await at(page, 'play').isDisabled(), true)
  await page.context().close()
})

test('no serious accessibility finding, light and dark, at the beginning and at a chapter', async () => {
  const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
  mkdirSync(join(dist, 'pictures'), { recursive: true })
  for (const colorScheme of ['light', 'dark']) {
    for (const [place, path] of Object.entries(places)) {
      const page = await ready(path, { colorScheme })
      await page.evaluate(axe)
      for (const name of [undefined, /^Stage 7\./]) {
        if (name) await chapter(page, name).click()
        const found = await page.evaluate(async (where) => {
          const { violations } = await window.axe.run(where, { resultTypes: ['violations'] })
          return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 120)}`)
        }, path.startsWith('#') ? '.cast' : 'body')
        assert.deepEqual(found, [], `${place}, ${colorScheme}, ${name ?? 'the beginning'}`)
      }
      await page.screenshot({ path: join(dist, 'pictures', `practice-${place.slice(4)}-${colorScheme}.png`) })
      await page.context().close()
    }
  }
})

for (const [script, what] of [['serve', '`make serve`'], ['live', '`LIVE=1 make serve`']]) {
  test(`${what} has it and /read as well, and shows the first slide`, { timeout: 120_000 }, async (t) => {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const start = Date.now()
    const server = spawn('npm', ['run', '--silent', script], { cwd: folder, env: { ...process.env, PORT: port }, detached: true, stdio: 'ignore' })
    try {
      const served = `http://localhost:${port}/`
      const answers = () => fetch(served).then(() => true, () => false)
      while (!(await answers())) {
        assert.ok(Date.now() < start + 60_000, 'the server does not come up')
        await new Promise((wait) => setTimeout(wait, 50))
      }
      const talk = await open('#/1', {}, served)
      t.diagnostic(`first slide ${Date.now() - start} ms after the command`)
      await talk.context().close()
      const page = await open('practice', {}, served)
      await chapter(page, /^Stage 1\./).waitFor()
      await at(page, 'play').click()
      assert.equal(await runs(page), true)
      assert.deepEqual(page.trouble, [])
      await page.context().close()
      const read = await open('read', {}, served)
      await read.getByRole('link', { name: 'Open the slides' }).waitFor()
      assert.deepEqual(read.trouble, [])
      await read.context().close()
    } finally {
      process.kill(-server.pid)
    }
  })
}
