// Films `basket browse` for the slides (public/browse.webm, and public/browse.png, which is shown before it plays): a basket's past
// under the slider, what has changed since a mark, and an event that comes in. `make slides-record` calls it. It needs ffmpeg.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, shop } from './shop.mjs'

const { address, id, basket, browser, end } = await shop()
const page = await browser.newPage({ viewport: { width: 1120, height: 630 }, colorScheme: 'light' })
const [folder, frames] = [mkdtempSync(join(tmpdir(), 'film-')), []]
const poster = () => page.screenshot({ path: join(root, 'slides/public/browse.png') })

/** What the page shows now, for so long. */
async function show(seconds) {
  const name = `${frames.length}.png`
  await page.screenshot({ path: join(folder, name) })
  frames.push([name, seconds])
}
async function press(key, seconds, times = 1) {
  for (let time = 0; time < times; time++) {
    await page.keyboard.press(key)
    await page.waitForTimeout(150)
    await show(seconds)
  }
}

await page.goto(address)
await page.locator('#status', { hasText: 'live' }).waitFor()
await page.locator(`#list [role=option]`, { hasText: id }).waitFor()
await show(1.5)
await page.goto(`${address}#${id}`)
await page.locator('#place', { hasText: 'version 8 of 8' }).waitFor()
await page.waitForTimeout(300)
await show(2)
await press('ArrowUp', 0.7, 6)
await show(0.8)
await press('m', 1.2)
await press('ArrowDown', 0.7, 4)
await show(1.5)
await poster()
basket('add', id, 'rocks', '-q', '5', '--as', 'dave', '-m', 'lighter ones')
await page.locator('#place', { hasText: '1 new' }).waitFor()
await show(2)
await press('End', 3)
await press('d', 3)

const list = frames.map(([name, seconds]) => `file ${name}\nduration ${seconds}\n`).join('')
// The last picture once more, or ffmpeg does not show it for its time.
writeFileSync(join(folder, 'list'), `${list}file ${frames.at(-1)[0]}\n`)
execFileSync('ffmpeg', [
  ...['-loglevel', 'error', '-y', '-f', 'concat', '-i', join(folder, 'list'), '-vf', 'fps=10,format=yuv420p'],
  ...['-c:v', 'libvpx-vp9', '-b:v', '0', '-crf', '36', '-row-mt', '1', '-g', '50', join(root, 'slides/public/browse.webm')],
], { stdio: 'inherit' })
rmSync(folder, { recursive: true })
await end()
