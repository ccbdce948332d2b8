// The built site on a server of its own, and a real browser whose pages collect what must not happen. The tests begin with it.
// It needs `npm run build` and a Chromium (CHROMIUM names it; Debian's is /usr/bin/chromium).
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-chromium'

export const slides = fileURLToPath(new URL('..', import.meta.url))
export const dist = join(slides, 'dist')
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2', '.svg': 'image/svg+xml', '.json': 'application/json' }

/** Serves the site in a folder of its own, so that it is seen to work in any folder, and starts the browser. */
export async function start() {
  assert.ok(existsSync(join(dist, 'index.html')), 'the deck is not built: npm run build')
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://x').pathname).replace(/^\/talk\//, '/')
    let file = join(dist, path)
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, 'index.html')
    if (!existsSync(file)) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(readFileSync(file))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  })
  const base = `http://127.0.0.1:${server.address().port}/talk/`
  const end = async () => {
    await browser.close()
    server.close()
  }
  return { browser, base, end }
}

/** A page whose `trouble` is to stay empty: errors, failed requests, requests that leave this site. */
export async function open({ browser, base }, { path = '', viewport = { width: 1280, height: 720 }, colorScheme = 'light', ...rest }) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce', ...rest })
  const page = await context.newPage()
  page.trouble = []
  page.on('console', (message) => message.type() === 'error' && page.trouble.push(`console: ${message.text()}`))
  page.on('pageerror', (error) => page.trouble.push(`error: ${error.message}`))
  page.on('requestfailed', (request) => page.trouble.push(`failed: ${request.url()}`))
  page.on('response', (response) => response.status() >= 400 && page.trouble.push(`${response.status()}: ${response.url()}`))
  page.on('request', (request) => {
    const foreign = !request.url().startsWith('data:') && !request.url().startsWith('blob:') && new URL(request.url()).origin !== new URL(base).origin
    if (foreign) page.trouble.push(`left this site: ${request.url()}`)
  })
  await page.goto(base + path)
  return page
}
