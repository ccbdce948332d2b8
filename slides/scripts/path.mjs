// Two ways through the deck: all of it in 50 minutes, and the slides with `short: true` in their front matter in 25. With
// SHORT=1 in the environment, Slidev shows only these. The presenter's notes say which slides they are.
// What has `backup: true` stands behind the end, for questions, and has no time in either.

/** For Slidev's parser (setup/preparser.ts). An import (`src`) has no flag of its own: its slides have. */
export const way = (short) => ({
  name: 'way',
  transformSlide(_, frontmatter) {
    if (short && !frontmatter.short && !frontmatter.src) frontmatter.hide = true
  },
  transformNote: (note, frontmatter) => (frontmatter.short && note ? `● in the 25 minutes\n\n${note}` : undefined),
})

/** The seconds that notes are meant to take, which they begin with: `[1 min]` or `[30 s]`. */
export function seconds(note) {
  const [, length, unit] = /^\[(\d+) (min|s)\] /.exec(note ?? '') ?? []
  return length && Number(length) * (unit === 'min' ? 60 : 1)
}
