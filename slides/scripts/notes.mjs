// Makes dist/basket-notes.pdf for the speaker, from dist/basket.pdf: a sheet of A4 for each slide, the slide above, its
// notes below; and gives both their title. `npm run pdf` calls it after Slidev has made the slides' pages.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from '@slidev/parser/fs'
import { PDFDocument } from 'pdf-lib'
import { chromium } from 'playwright-chromium'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..')
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const { slides, headmatter } = await load(folder, join(folder, 'slides.md'))

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
const page = await browser.newPage()
await page.setContent(`<style>
  body { margin: 0; font: 13.5pt/1.55 sans-serif; }
  section { box-sizing: border-box; height: 296mm; padding: 132mm 20mm 0; position: relative; break-after: page; overflow: hidden; }
  section:last-child { break-after: auto; }
  footer { position: absolute; bottom: 12mm; left: 20mm; font-size: 10pt; color: #555; }
</style>${slides.map(({ note, title, frontmatter }, index) => `<section><p>${escaped(note ?? '')}</p>
  <footer>${index + 1} of ${slides.length}: ${escaped(title.replace('<br>', ' '))}${frontmatter.short ? '; in the 25 minutes' : ''}</footer></section>`).join('')}`)
const notes = await PDFDocument.load(await page.pdf({ format: 'A4' }))
await browser.close()

const deck = await PDFDocument.load(readFileSync(join(folder, 'dist/basket.pdf')))
const drawn = await notes.embedPdf(deck, slides.map((_, index) => index))
const mm = 72 / 25.4
notes.getPages().forEach((sheet, index) => {
  const { width, height } = drawn[index].scale((170 * mm) / drawn[index].width)
  const place = { x: 20 * mm, y: sheet.getHeight() - 20 * mm - height, width, height }
  sheet.drawPage(drawn[index], place)
  sheet.drawRectangle({ ...place, borderWidth: 0.5, opacity: 0, borderOpacity: 0.4 })
})
for (const [name, pdf, title] of [['basket', deck, headmatter.title], ['basket-notes', notes, `${headmatter.title}: slides and notes`]]) {
  // A reader shows it in place of the file's name.
  pdf.setTitle(title, { showInWindowTitleBar: true })
  writeFileSync(join(folder, `dist/${name}.pdf`), await pdf.save())
}
