// Takes the pictures of `basket browse` for the README (.github/browse-light.png and browse-dark.png): a laptop's window and a phone,
// side by side, on a store that this script fills. `make slides-record` calls it.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-chromium'

const root = fileURLToPath(new URL('../..', import.meta.url))
const binary = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/basket')
execFileSync('cargo', ['build', '--quiet', '--package', 'basket-cli'], { cwd: root })

// A name that is short to read: the page shows it.
const home = join(tmpdir(), 'shop')
mkdirSync(home)
const env = { PATH: process.env.PATH, HOME: home, BASKET_STORE: join(home, 'baskets.db'), BASKET_ACTOR: 'ann' }
const basket = (...words) => execFileSync(binary, words, { cwd: home, env, encoding: 'utf8' })
const create = (product, ...more) => JSON.parse(basket('create', product, '--format', 'json', ...more)).id

for (const product of ['hats', 'gloves', 'scarves', 'boots', 'belts']) create(product, '--as', 'bob')
const id = create('socks', '--correlation', 'order-7')
basket('add', id, 'rocks', '-q', '3', '--correlation', 'order-7')
basket('add', id, 'clocks', '-m', 'a present', '--correlation', 'order-7')
basket('add', id, 'socks', '-q', '2', '--as', 'bob')
basket('remove', id, 'rocks', '--as', 'bob', '-m', 'too heavy')
basket('add', id, 'clocks', '-q', '2')
basket('revert', id, '6', '--as', 'carol', '-m', 'they were a gift')

const server = spawn(binary, ['browse'], { cwd: home, env, stdio: ['ignore', 'pipe', 'inherit'] })
const address = await new Promise((resolve) => createInterface(server.stdout).once('line', resolve))
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })

/** The page at the removal, with a mark two versions before, so that it shows what has changed. */
async function take(colorScheme, width, height) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' })
  await page.goto(`${address}#${id}/4`)
  await page.locator('#cards [role=option]').first().waitFor()
  await page.keyboard.press('m')
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.locator('#changes li').first().waitFor()
  await page.waitForTimeout(300)
  const picture = await page.screenshot()
  await page.close()
  return `<img width=${width} height=${height} src="data:image/png;base64,${picture.toString('base64')}">`
}

for (const colorScheme of ['light', 'dark']) {
  const images = [await take(colorScheme, 1180, 680), await take(colorScheme, 360, 680)]
  const page = await browser.newPage({ viewport: { width: 1552, height: 680 } })
  await page.setContent(`<body style="margin: 0; display: flex; gap: 12px; background: transparent">
    <style>img { border: 1px solid #8886; border-radius: 8px; box-sizing: border-box }</style>${images.join('')}</body>`)
  await page.screenshot({ path: join(root, '.github', `browse-${colorScheme}.png`), omitBackground: true })
  await page.close()
}
await browser.close()
const ended = new Promise((resolve) => server.once('exit', resolve))
server.kill('SIGINT')
await ended
rmSync(home, { recursive: true })
