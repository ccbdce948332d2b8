// Colours of code with enough contrast to the background for everyone (AA), in light and dark; a refusal at a terminal is red.
import { defineShikiSetup } from '@slidev/types'

const refusals = {
  line(this: any, line: any) {
    const [first] = line.children
    if (this.options.lang === 'console' && first?.children[0]?.value.startsWith('error')) this.addClassToHast(line, 'refused')
  },
}

export default defineShikiSetup(() => ({
  themes: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  transformers: [refusals],
}))
