// Takes the pictures of the deck for the README (.github/talk-light.png and talk-dark.png) and for links to the repository
// (.github/social.png, of the size that GitHub wants), from the built site. `make slides-record` calls it.
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-chromium'
import { preview } from 'vite'

const slides = ['boss', 'fold', 'stage-2?clicks=1', 'race?clicks=6', 'answer', 'explore']
const folder = fileURLToPath(new URL('..', import.meta.url))
const picture = (name) => fileURLToPath(new URL(`../../.github/${name}.png`, import.meta.url))

const server = await preview({ configFile: false, root: folder, logLevel: 'error', build: { outDir: 'dist' }, preview: { port: 0 } })
const [site] = server.resolvedUrls.local
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })

/** The slide as a picture, once all of it is there. */
async function take(page, slide) {
  await page.goto(`${site}#/${slide}`)
  await page.reload()
  await page.waitForLoadState('networkidle')
  await page.waitForTimeout(500)
  return page.screenshot()
}

for (const colorScheme of ['light', 'dark']) {
  const context = await browser.newContext({ viewport: { width: 960, height: 540 }, colorScheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  const taken = []
  for (const slide of slides) taken.push(await take(page, slide))
  await page.setViewportSize({ width: 1200, height: 456 })
  const images = taken.map((png) => `<img width=392 height=220 src="data:image/png;base64,${png.toString('base64')}">`)
  await page.goto('about:blank')
  await page.setContent(`<body style="margin: 0; display: grid; grid-template-columns: repeat(3, 392px); gap: 12px; background: transparent">
    <style>img { border: 1px solid #8886; border-radius: 8px; box-sizing: border-box }</style>${images.join('')}</body>`)
  await page.screenshot({ path: picture(`talk-${colorScheme}`), omitBackground: true })
  await context.close()
}
const page = await browser.newPage({ viewport: { width: 1280, height: 640 }, colorScheme: 'dark', reducedMotion: 'reduce' })
await page.goto(`${site}#/1`)
await page.waitForLoadState('networkidle')
await page.screenshot({ path: picture('social') })
await browser.close()
await server.close()
