// Takes the pictures of `basket browse` for the README (.github/browse-light.png and browse-dark.png): a laptop's window and a phone,
// side by side. `make slides-record` calls it.
import { join } from 'node:path'
import { root, shop } from './shop.mjs'

const { address, id, browser, end } = await shop()

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
await end()
