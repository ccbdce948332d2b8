// A store that a script fills, and `basket browse` on it in a real browser: for the pictures of the README and the film of the slides.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-chromium'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const binary = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/basket')

/** The browser, the page's address, the id of the basket with a past, a function that runs `basket`, and one that ends it all. */
export async function shop() {
  execFileSync('cargo', ['build', '--quiet', '--package', 'basket-cli'], { cwd: root })
  // A name that is short to read: the page shows it.
  const home = join(tmpdir(), 'shop')
  rmSync(home, { recursive: true, force: true })
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
  const ended = new Promise((resolve) => server.once('exit', resolve))
  async function end() {
    await browser.close()
    server.kill('SIGINT')
    await ended
    rmSync(home, { recursive: true })
  }
  // What fails in between leaves no server behind.
  process.once('exit', () => server.kill('SIGKILL'))
  return { address, id, basket, browser, end }
}
