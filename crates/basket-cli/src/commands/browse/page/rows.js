// A list of any length, of which only the rows in view are in the document. All have one height.

const BEYOND = 6

/** A text in one line, in which nothing turns the letters round or is invisible. */
export const plain = (text) =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu, (letter) =>
    letter === '\t' ? ' ' : `\\u{${letter.codePointAt(0).toString(16)}}`)

/** An element with a class and a text. Texts from the store come into the page here, and only as texts. */
export function element(name, className = '', text = '') {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  return made
}

export class Rows {
  #count = 0
  #cursor = -1
  #shown = new Map()
  #waits = false

  /** `make` gives an empty row, `fill` writes one; `pick` is called with the index of a row that was chosen. */
  constructor(box, { make, fill, pick }) {
    Object.assign(this, { box, make, fill })
    this.inner = element('div', 'inner')
    this.inner.setAttribute('role', 'presentation')
    box.replaceChildren(this.inner)
    box.addEventListener('scroll', () => this.#later(), { passive: true })
    new ResizeObserver(() => this.#later()).observe(box)
    box.addEventListener('click', ({ target }) => {
      const row = target.closest('[role=option]')
      if (row) pick(Number(row.dataset.index))
    })
  }

  get height() {
    return parseFloat(getComputedStyle(this.box).getPropertyValue('--row')) || 48
  }

  /** How many rows a page has. */
  get page() {
    return Math.max(1, Math.floor(this.box.clientHeight / this.height) - 1)
  }

  /** There are so many rows now, and one of them has the cursor. */
  update(count, cursor, reveal = true) {
    const height = this.height
    this.#count = count
    this.#cursor = cursor
    this.inner.style.height = `${count * height}px`
    if (reveal && cursor >= 0) {
      const top = cursor * height
      const { scrollTop, clientHeight } = this.box
      if (top < scrollTop) this.box.scrollTop = top
      else if (top + height > scrollTop + clientHeight) this.box.scrollTop = top + height - clientHeight
    }
    this.#draw()
  }

  #later() {
    if (this.#waits) return
    this.#waits = true
    requestAnimationFrame(() => {
      this.#waits = false
      this.#draw()
    })
  }

  #draw() {
    const height = this.height
    const first = Math.max(0, Math.floor(this.box.scrollTop / height) - BEYOND)
    const last = Math.min(this.#count - 1, Math.ceil((this.box.scrollTop + this.box.clientHeight) / height) + BEYOND)
    const free = []
    for (const [index, row] of this.#shown) {
      if (index >= first && index <= last) continue
      this.#shown.delete(index)
      free.push(row)
    }
    for (let index = first; index <= last; index++) {
      let row = this.#shown.get(index)
      if (!row) {
        row = free.pop() ?? this.#row()
        this.#shown.set(index, row)
        row.dataset.index = index
        row.id = `${this.box.id}-${index}`
        row.style.transform = `translateY(${index * height}px)`
        row.setAttribute('aria-posinset', index + 1)
      }
      row.setAttribute('aria-setsize', this.#count)
      row.setAttribute('aria-selected', index === this.#cursor)
      this.fill(row, index)
    }
    for (const row of free) row.remove()
    const current = this.#shown.get(this.#cursor)
    if (current) this.box.setAttribute('aria-activedescendant', current.id)
    else this.box.removeAttribute('aria-activedescendant')
  }

  #row() {
    const row = this.make()
    row.setAttribute('role', 'option')
    this.inner.append(row)
    return row
  }
}
