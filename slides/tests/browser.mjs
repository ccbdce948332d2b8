// Shared by the tests of the built deck: the site on a server of its own, and pages that collect every error.
// It needs `npm run build` and a Chromium (CHROMIUM names it; Debian's is /usr/bin/chromium).
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { after, before } from 'node:test'
import { chromium } from 'playwright-chromium'
import { dist } from './deck.mjs'

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2', '.svg': 'image/svg+xml', '.json': 'application/json' }

let server
export let base, browser

before(async () => {
  assert.ok(existsSync(join(dist, 'index.html')), 'the deck is not built: npm run build')
  // Served in a folder, to test that the site works in any folder.
  server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://x').pathname).replace(/^\/talk\//, '/')
    let file = join(dist, path)
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, 'index.html')
    if (!existsSync(file)) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(readFileSync(file))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${server.address().port}/talk/`
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  })
})

after(async () => {
  await browser?.close()
  server?.close()
})

/** A page on a slide, by default light and of a laptop's size; or another page of this site, or of the site at `at`. */
export async function open(path = '#/1', options = {}, at = base) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, colorScheme: 'light', reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  page.trouble = []
  page.on('console', (message) => message.type() === 'error' && page.trouble.push(`console: ${message.text()}`))
  page.on('pageerror', (error) => page.trouble.push(`error: ${error.message}`))
  page.on('requestfailed', (request) => page.trouble.push(`failed: ${request.url()}`))
  page.on('response', (response) => response.status() >= 400 && page.trouble.push(`${response.status()}: ${response.url()}`))
  page.on('request', (request) => {
    const foreign = !request.url().startsWith('data:') && !request.url().startsWith('blob:') && new URL(request.url()).origin !== new URL(at).origin
    if (foreign) page.trouble.push(`left this machine: ${request.url()}`)
  })
  await page.goto(at + path)
  if (at === base && path.startsWith('#')) await page.waitForSelector('.slidev-layout:visible')
  await page.evaluate(() => document.fonts.ready)
  return page
}

/** To another slide of the same page. */
export async function go(page, slide, clicks = 0) {
  await page.evaluate((hash) => (location.hash = hash), `#/${slide}${clicks ? `?clicks=${clicks}` : ''}`)
  await page.waitForFunction((slide) => (Number(slide) ? document.querySelector(`.slidev-page-${slide}`)?.checkVisibility() : location.hash.includes(slide)), slide)
  await page.waitForTimeout(60)
}

/** Closes a page, and checks that it had no errors. */
export async function close(page) {
  const { trouble } = page
  await page.context().close()
  assert.deepEqual(trouble, [])
}

export const visible = (page, selector) => page.locator(selector).filter({ visible: true })

/** Presses Tab until the control has the focus. */
export async function reach(page, name) {
  const control = visible(page, `[data-test=${name}]`)
  for (let step = 0; step < 30; step++) {
    await page.keyboard.press('Tab')
    if (await control.evaluate((node) => node === document.activeElement)) return
  }
  assert.fail(`${name} can't be reached by keyboard`)
}
