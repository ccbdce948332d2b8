// Slidev reads the slides with this: it leaves out those that are not on the way that was chosen, and marks the notes.
import { definePreparserSetup } from '@slidev/types'
import { way } from '../scripts/path.mjs'

export default definePreparserSetup(() => [way(Boolean(process.env.SHORT))])
