// Colours of code that can be told from the paper by everybody (contrast AA), in light and dark.
import { defineShikiSetup } from '@slidev/types'

export default defineShikiSetup(() => ({
  themes: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
}))
