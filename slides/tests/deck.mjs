// The slides as Slidev reads them, for the tests: in their order, with the names that failing tests print.
import assert from 'node:assert/strict'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from '@slidev/parser/fs'

export const folder = fileURLToPath(new URL('..', import.meta.url))
export const dist = join(folder, 'dist')

const { slides, markdownFiles } = await load(folder, join(folder, 'slides.md'))
for (const { filepath, errors } of Object.values(markdownFiles)) assert.deepEqual(errors ?? [], [], filepath)

/** A stage's slide moves once, from the code before to the code after; the others say how many clicks they have. */
export const deck = slides.map(({ title, note, frontmatter, source }, index) => ({
  number: index + 1,
  title: title.replace('<br>', ' '),
  note: note ?? '',
  routeAlias: frontmatter.routeAlias,
  clicks: frontmatter.clicks ?? (frontmatter.class === 'stage' ? 1 : 0),
  short: frontmatter.short ?? false,
  backup: frontmatter.backup ?? false,
  name: `slide ${index + 1}, "${title.replace('<br>', ' ')}" (${relative(folder, source.filepath)})`,
}))
