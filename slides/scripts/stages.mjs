// Makes stages.md, one slide for each stage of the exercise, from the exercise and the crates: the code before is the
// exercise's blank, the code after the lines of the crate's function that matter, as the files in excerpts/ quote them. The
// build fails if a quotation is not in the code, if a function is missing or renamed, or if a recording that a slide shows is
// missing or empty. `npm run build` and `npm run live` call it; stages.md is never edited and never committed.
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

/** The code as it is compared: without comments, white space, and the comma before a line break and a bracket. */
const bare = (code) => code.replace(/\/\/.*$/gm, '').replace(/\s+/g, '').replace(/,(?=[)\]}])/g, '')

/** An excerpt in slides/excerpts quotes a function: each piece between two … is in it, in this order; the line breaks are its own. */
function excerpt(name, code) {
  const text = readFileSync(join(slides, 'excerpts', name), 'utf8').trim()
  let at = 0
  text.split('…').map(bare).forEach((piece, index) => {
    const found = bare(code).indexOf(piece, at)
    if (found < 0 || (index === 0 && found)) throw new Error(`slides/excerpts/${name} has "${piece}", which is not in the code, or not at this place`)
    at = found + piece.length
  })
  return text
}

/** The largest size at which all fit on the slide: columns into 806 px, lines into 350 px of the canvas' 960 by 540. */
function size(...codes) {
  const lines = codes.map((code) => code.split('\n'))
  const columns = Math.max(...lines.flat().map((line) => line.length))
  const rows = Math.max(...lines.map((lines) => lines.length))
  const largest = Math.floor(Math.min(22, 806 / (columns * 0.6), 350 / (rows * 1.45)) * 10) / 10
  if (largest < 18) throw new Error(`${columns} columns and ${rows} lines can't be read from the last row; shorten its excerpt`)
  return largest
}

/** The first words of a stage's name, as a title. */
const firstWords = (name) => name.replace(/^Encore: ./, (start) => start.at(-1).toUpperCase()).split(/[,:;]/)[0]

export function stages() {
  const { stage } = parse(read('exercise/stages.toml'))
  const notes = JSON.parse(readFileSync(join(slides, 'stage-notes.json'), 'utf8'))
  return stage.map((stage, index) => {
    const title = `Stage ${index + 1}. ${firstWords(stage.name)}`
    const wrong = (why) => new Error(`slide "${title}" can't be made: ${why}`)
    const { show, note, short } = notes[index] ?? {}
    const part = stage.part.find((part) => part.item === show)
    if (!part) throw wrong(`slides/stage-notes.json names ${show}, which is not an item of this stage in exercise/stages.toml`)
    let before, after, largest
    try {
      const code = rustFunction(read(part.file), part.item, part.file)
      after = excerpt(`${stage.slide}.rs`, code)
      const [head] = /^[^]*?\{\n/.exec(after)
      before = existsSync(join(slides, 'excerpts', `${stage.slide}.before.rs`))
        ? excerpt(`${stage.slide}.before.rs`, blanked(code, part.blank))
        : `${head}    todo!("stage ${index + 1}")\n}`
      largest = size(before, after)
    } catch (error) {
      throw wrong(`${error.message}; what it shows is named in exercise/stages.toml and slides/stage-notes.json, and quoted in slides/excerpts`)
    }
    return `---
routeAlias: ${stage.slide}
class: stage
${short ? 'short: true\n' : ''}---

# ${title}

<div class="where"><span>${part.file}</span><span class="type">make watch</span></div>

<div class="code" style="--code: ${largest}px">

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
