// Checks how a slide looks. `lookAt` runs in the page and returns a list of faults.

export function lookAt(slide) {
  const layout = [...document.querySelectorAll(`.slidev-page-${slide} .slidev-layout`)].at(-1)
  if (!layout) return ['it is not there']
  const frame = layout.getBoundingClientRect()
  const scale = frame.width / layout.offsetWidth
  const trouble = []
  const outside = (box, frame) => box.right > frame.right + 1 || box.bottom > frame.bottom + 1 || box.left < frame.left - 1 || box.top < frame.top - 1
  const seen = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && element.getBoundingClientRect().height
  /** The film of a terminal is not checked: its lines overlap, and it has as many columns as a terminal, in small type. */
  const terminal = '.screen'
  const start = (text) => text.trim().slice(0, 40)

  for (const element of layout.querySelectorAll('*')) {
    const box = element.getBoundingClientRect()
    if (!box.width || !box.height || element.closest('.cards')) continue
    if (outside(box, frame)) trouble.push(`<${element.tagName.toLowerCase()} class="${element.className}"> leaves the frame: ${start(element.textContent)}`)
  }
  if (frame.width !== innerWidth || frame.height !== innerHeight) trouble.push(`it is ${frame.width} by ${frame.height} on a screen of ${innerWidth} by ${innerHeight}`)
  const first = layout.matches('.chapter, .practice') ? null : layout.querySelector(':scope > h1 + *')
  if (first) {
    const line = (first.getBoundingClientRect().top - frame.top) / scale
    if (Math.abs(line - 113) > 4) trouble.push(`what is below its title begins at ${line.toFixed(0)}, not at the line of all slides`)
  }
  for (const code of layout.querySelectorAll('.slidev-code')) {
    if (!code.textContent.trim()) trouble.push('a snippet is empty')
    if (code.scrollWidth > code.clientWidth + 1) trouble.push(`code is wider than its box: ${start(code.textContent)}`)
  }

  // Blocks that stand beside or below one another, and each line of text against those of other blocks.
  const blocks = [...layout.querySelectorAll('h1, h2, p, ul, ol, dl, table, pre, svg, blockquote, button, .where')].filter((block) => seen(block) && !block.closest(terminal))
  const lines = []
  const walker = document.createTreeWalker(layout, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement
    if (!node.data.trim() || !seen(parent) || parent.closest(`option, .cards, ${terminal}`)) continue
    // A size in a drawing is one of the drawing's own units.
    const unit = parent.closest('svg') ? parent.getScreenCTM().a : scale
    const size = (parseFloat(getComputedStyle(parent).fontSize) * unit * 1280) / frame.width
    if (size < 23.9) trouble.push(`"${start(node.data)}" has ${size.toFixed(1)} px at 720p`)
    if (!parent.closest('pre, code') && /["']|(^|\s)-\s?\d/.test(node.data)) trouble.push(`"${start(node.data)}" has the quotes or the minus of a typewriter`)
    const range = document.createRange()
    range.selectNodeContents(node)
    const block = parent.closest('text, li, td, th, p, pre, h1, h2, dt, dd, button, label, output, figcaption, div')
    for (const box of range.getClientRects()) {
      // The box of a line is higher than its letters.
      lines.push({ block, text: node.data, box: new DOMRect(box.x, box.y + box.height * 0.15, box.width, box.height * 0.7) })
    }
    const drawing = parent.closest('svg')
    if (drawing && outside(parent.getBoundingClientRect(), drawing.getBoundingClientRect())) trouble.push(`text leaves its drawing: ${start(node.data)}`)
  }
  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1
  const pairs = (list) => list.flatMap((one, index) => list.slice(index + 1).map((other) => [one, other]))
  for (const [one, other] of pairs(blocks)) {
    if (!one.contains(other) && overlap(one.getBoundingClientRect(), other.getBoundingClientRect())) trouble.push(`"${start(one.textContent)}" and "${start(other.textContent)}" overlap`)
  }
  for (const [one, other] of pairs(lines)) {
    if (one.block !== other.block && overlap(one.box, other.box)) trouble.push(`the texts "${start(one.text)}" and "${start(other.text)}" overlap`)
  }
  return trouble.slice(0, 3)
}
