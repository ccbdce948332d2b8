// Makes stages.md, one slide for each stage of the exercise, from the exercise and the crates: the code before is the
// exercise's blank, the code after is the crate's function. The build fails if a function is missing or renamed, or if a
// recording that a slide shows is missing or empty. `npm run build` and `npm run serve` call it; stages.md is never edited
// and never committed.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'smol-toml'

const slides = join(dirname(fileURLToPath(import.meta.url)), '..')
const read = (file) => readFileSync(join(slides, '..', file), 'utf8')

/** A function in rustfmt's layout: from its `fn` line to the brace at the same depth, without the indentation. */
export function rustFunction(source, item, file) {
  const [owner, name] = item.split('::')
  const lines = source.split('\n')
  const first = lines.findIndex((line, index) =>
    new RegExp(`^    (pub(?:\\(crate\\))? )?(async )?fn ${name}\\b`).test(line) && ownerOf(lines, index) === owner)
  if (first < 0) throw new Error(`${file} has no function ${item}`)
  const last = lines.findIndex((line, index) => index >= first && line === '    }')
  const text = lines.slice(first, last + 1).map((line) => line.replace(/^ {4}/, '')).join('\n')
  if (!text.includes('{')) throw new Error(`${file}: ${item} is empty`)
  return text
}

function ownerOf(lines, index) {
  for (let at = index; at >= 0; at--) {
    const impl = /^impl(?:<.*?>)? (?:.* for )?(\w+)/.exec(lines[at]) ?? /^pub trait (\w+)/.exec(lines[at])
    if (impl) return impl[1]
  }
}

function blanked(text, blank) {
  const body = blank.trim().split('\n').map((line) => (line ? `    ${line}` : '')).join('\n')
  return text.replace(/ \{\n[\s\S]*\n\}$/, ` {\n${body}\n}`)
}

/** The largest size at which both fit on the slide: columns into 795 px, lines into 385 px of the canvas' 980 by 552. */
function size(...codes) {
  const lines = codes.map((code) => code.split('\n'))
  const columns = Math.max(...lines.flat().map((line) => line.length))
  const rows = Math.max(...lines.map((lines) => lines.length))
  return Math.floor(Math.min(21, 795 / (columns * 0.6), 385 / (rows * 1.45)) * 10) / 10
}

export function stages() {
  const { stage } = parse(read('exercise/stages.toml'))
  const notes = JSON.parse(readFileSync(join(slides, 'stage-notes.json'), 'utf8'))
  return stage.map((stage, index) => {
    const title = `Stage ${index + 1}. ${stage.name}`
    const wrong = (why) => new Error(`slide "${title}" can't be made: ${why}`)
    const { show, note } = notes[index] ?? {}
    const part = stage.part.find((part) => part.item === show)
    if (!part) throw wrong(`slides/stage-notes.json names ${show}, which is not an item of this stage in exercise/stages.toml`)
    let after
    try {
      after = rustFunction(read(part.file), part.item, part.file)
    } catch (error) {
      throw wrong(`${error.message}; if it was renamed, change its name in exercise/stages.toml and slides/stage-notes.json`)
    }
    const before = blanked(after, part.blank)
    return `---
routeAlias: ${stage.slide}
class: stage
---

# ${title}

<div class="where"><span>${part.file}</span><span class="type">make watch</span></div>

<div class="code" style="--code: ${size(before, after)}px">

\`\`\`\`md magic-move
\`\`\`rust
${before}
\`\`\`
\`\`\`rust
${after}
\`\`\`
\`\`\`\`

</div>

<!--
${note}
-->
`
  })
}

/** Checks the files that the chapters include with `<<< @/file`. */
function needFiles() {
  for (const chapter of readdirSync(join(slides, 'chapters'))) {
    const text = readFileSync(join(slides, 'chapters', chapter), 'utf8')
    for (const [, file] of text.matchAll(/^<<< @\/(\S+)/gm)) {
      const title = text.slice(0, text.indexOf(file)).match(/^# .*$/gm).at(-1).slice(2)
      const there = existsSync(join(slides, file)) && readFileSync(join(slides, file), 'utf8').trim()
      if (!there) throw new Error(`slide "${title}" (chapters/${chapter}) shows ${file}, which is missing or empty`)
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    needFiles()
    writeFileSync(join(slides, 'stages.md'), stages().join('\n'))
  } catch (error) {
    console.error(`error: ${error.message}`)
    process.exit(1)
  }
}
