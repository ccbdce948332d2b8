// A clicker goes on whatever was clicked last. Slidev ignores all keys while a button, a link or a field has the focus; here
// a control keeps its own keys alone, and those only if it was reached by keyboard. After a click, they are the deck's.
import { defineAppSetup } from '@slidev/types'

const pages = ['PageUp', 'PageDown']
const arrows = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End']
const own: Record<string, string[]> = { button: [' '], submit: [' '], checkbox: [' '], range: arrows }

/** Whether the focus was moved by Tab; a pointer may have moved it since. (`:focus-visible` changes with any key.) */
let tabbed = false

function keeps(control: HTMLElement, { key }: KeyboardEvent) {
  if (key === 'Enter' || key === 'Tab') return true
  if (pages.includes(key) || !tabbed) return false
  if (control.matches('input:not([type=range], [type=checkbox]), textarea')) return true
  const keys = control.ariaKeyShortcuts?.split(' ') ?? own[(control as HTMLInputElement).type] ?? []
  return keys.includes(key) || (key === ' ' && keys.includes('Space'))
}

function handOver(event: KeyboardEvent) {
  if (event.key === 'Tab') tabbed = true
  const control = document.activeElement
  if (!event.isTrusted || !(control instanceof HTMLElement) || control === document.body || keeps(control, event)) return
  control.blur()
  if ([' ', ...pages, ...arrows].includes(event.key)) event.preventDefault()
  event.stopImmediatePropagation()
  document.body.dispatchEvent(new KeyboardEvent(event.type, event))
}

export default defineAppSetup(() => {
  window.addEventListener('pointerdown', () => (tabbed = false), { capture: true })
  window.addEventListener('keydown', handOver, { capture: true })
})
