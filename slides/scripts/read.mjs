// Makes the page /read from the slides: each slide as text, its notes below, for a phone and for a colleague. It is a file
// of its own, without scripts, and needs no browser to be built. `npm run build` calls it when Slidev has built the site;
// it then adds the way to this page to the deck's own: who opens the talk on a phone reads it, and may still open the slides.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { injectPreparserExtensionLoader, load } from '@slidev/parser/fs'
import vue from '@vitejs/plugin-vue'
import markdownIt from 'markdown-it'
import { createHighlighter } from 'shiki'
import { createServer } from 'vite'
import { compile, createSSRApp, h } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { REPOSITORY } from '../repository.js'
import { seconds, way } from './path.mjs'

const folder = fileURLToPath(new URL('..', import.meta.url))
const dist = join(folder, `${process.env.SHORT ? 'short-' : ''}dist`)
const file = (path) => readFileSync(join(folder, path), 'utf8')

/** Slides count their clicks; here everything has happened. */
const DONE = 1e9

/** A drawing's smallest letters have 22 units; where they would have less than 16 px, it scrolls in a box of its own. */
const legible = (svg) => {
  const [, width] = /viewbox="[-\d]+ [-\d]+ (\d+) /i.exec(svg) ?? []
  if (!width || !svg.startsWith('<svg class="drawing"')) return svg
  return `<div class="wide" tabindex="0" role="group" aria-label="A drawing">${svg.replace('<svg ', `<svg style="min-width: ${Math.ceil((width * 16) / 22)}px" `)}</div>`
}

const highlighter = await createHighlighter({
  themes: ['github-light-high-contrast', 'github-dark-high-contrast'],
  langs: ['rust', 'js', 'sh', 'console'],
})
const markdown = markdownIt({
  html: true, typographer: true, quotes: '“”‘’',
  highlight(code, language) {
    const lang = highlighter.getLoadedLanguages().includes(language) ? language : 'text'
    const html = highlighter.codeToHtml(code.trimEnd(), { lang, themes: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' } })
    // A table of the terminal must not be broken.
    const kind = lang === 'console' ? ` console${/^\S+ {2,}.* {4,}/m.test(code) ? ' table' : ''}` : ''
    return html.replace('<pre class="', `<pre v-pre class="${kind} `)
  },
})
markdown.renderer.rules.code_inline = (tokens, index) => `<code v-pre>${markdown.utils.escapeHtml(tokens[index].content)}</code>`
markdown.renderer.rules.heading_open = (tokens, index) => `<h${Number(tokens[index].tag[1]) + 1}>`
markdown.renderer.rules.heading_close = (tokens, index) => `</h${Number(tokens[index].tag[1]) + 1}>`

/** What Slidev does before it reads Markdown: code from files, and of code that moves, what it moves to. Without the agenda. */
function plain(content, { class: kind }, number) {
  return content
    .replace(/^<Stream .*$/m, (stream) => (kind === 'chapter' && number > 1 ? '' : stream))
    .replace(/^````md magic-move.*\n([\s\S]*?)^````$/gm, (_, steps) => steps.match(/^```[\s\S]*?^```$/gm).at(-1))
    .replace(/^<<< @\/(\S+).*$/gm, (_, path) => `\`\`\`${path.split('.').at(-1)}\n${file(path)}\n\`\`\``)
    .replace(/<style[\s\S]*?<\/style>/g, '')
    // The page is one small file: a film is a link.
    .replace(/<video[^>]* src="\/([^"]+)"[\s\S]*?<\/video>/g, '<p class="try"><a href="../$1">Watch it</a></p>')
    // A component begins a block wherever it stands; Markdown would make a paragraph of it.
    .replace(/(<div[^>]*>)(?=<[A-Z])/g, '$1\n')
}

/** What is played with on a slide can't be used here. It has a link instead. */
const player = (name, number) => ({ src }) => {
  const [href, words] = name !== 'CastPlayer' ? [`../#/${number}`, 'Play with it, on the slide'] : [`../practice/?film=${basename(src, '.cast')}`, 'Watch it']
  return h('p', { class: 'try' }, h('a', { href }, words))
}

async function componentsOf(server) {
  const [components, players] = [{}, []]
  let css = ''
  for (const under of ['components', 'components/drawings']) {
    for (const entry of readdirSync(join(folder, under)).filter((name) => name.endsWith('.vue'))) {
      const name = basename(entry, '.vue')
      if (name.endsWith('Player')) players.push(name)
      else {
        components[name] = (await server.ssrLoadModule(`/${under}/${entry}`)).default
        css += [...file(`${under}/${entry}`).matchAll(/<style[^>]*>([\s\S]*?)<\/style>/g)].map(([, rules]) => rules).join('\n')
      }
    }
  }
  return { components, players, css }
}

/** The deck's own colours, streams and drawings; dark where the phone is. */
function style(css) {
  const deck = file('styles/index.css').replace(/^@import .*$/gm, '').replace(/^html\.dark \{(.*)\}$/m, '@media (prefers-color-scheme: dark) { :root {$1} }')
  if (!deck.includes('@media (prefers-color-scheme: dark) { :root')) throw new Error('styles/index.css has no line "html.dark { … }" any more')
  return [deck, css, file('read/page.css')].join('\n')
}

async function render() {
  injectPreparserExtensionLoader(() => [{ ...way(Boolean(process.env.SHORT)), transformNote: undefined }])
  const { slides, headmatter } = await load(folder, join(folder, 'slides.md'))
  const client = { name: 'client', enforce: 'pre', resolveId: (id) => (id === '@slidev/client' ? '\0client' : undefined), load: (id) => (id === '\0client' ? `export const useSlideContext = () => ({ $clicks: { value: ${DONE} }, $nav: {}, $page: { value: 0 } })` : undefined) }
  const server = await createServer({ configFile: false, root: folder, appType: 'custom', logLevel: 'error', server: { middlewareMode: true, hmr: false, ws: false, watch: null }, optimizeDeps: { noDiscovery: true }, plugins: [client, vue()] })
  try {
    const { components, players, css } = await componentsOf(server)
    const sections = []
    for (const [index, { content, note, title, frontmatter }] of slides.entries()) {
      const number = index + 1
      const app = createSSRApp({ render: compile(markdown.render(plain(content, frontmatter, number))) })
      Object.assign(app.config.globalProperties, { $clicks: DONE, $nav: {}, $page: number })
      app.config.warnHandler = (message) => {
        throw new Error(`slide ${number}, "${title}": ${message}`)
      }
      for (const [name, component] of Object.entries(components)) app.component(name, component)
      for (const name of players) app.component(name, player(name, number))
      for (const name of ['click', 'after', 'mark']) app.directive(name, {})
      for (const name of ['v-clicks', 'v-click', 'v-after']) app.component(name, (_, { slots }) => slots.default?.())
      const html = (await renderToString(app)).replace(/<svg [\s\S]*?<\/svg>/g, legible)
      const said = markdown.render((note ?? '').replace(/^\[\d+ \w+\] /, ''))
      sections.push(`<section id="${number}"${frontmatter.backup ? ' class="backup"' : ''}>
<div class="slide"><a class="number" href="../#/${number}" aria-label="Slide ${number}, in the deck">${number}</a>${html}</div>
<div class="said">${said}</div>
</section>`)
    }
    const minutes = Math.round(slides.reduce((sum, { note, frontmatter }) => sum + (frontmatter.backup ? 0 : (seconds(note) ?? 0)), 0) / 60)
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${headmatter.title}, to read</title>
<meta name="description" content="${headmatter.info}">
<link rel="icon" href="../favicon.svg">
<style>${style(css)}</style>
</head>
<body>
<header>
<h1>${headmatter.title}</h1>
<p>A talk of ${minutes} minutes, to read: each slide, and below it what is said.</p>
<nav><a href="../#/1">Open the slides</a><a href="../practice/">The practice run</a><a href="${REPOSITORY}">The code</a></nav>
</header>
<main>
${sections.join('\n')}
</main>
</body>
</html>
`
  } finally {
    await server.close()
  }
}

/** On a screen too narrow for slides: the address of the talk leads to this page, that of a slide shows the slide and a link. */
const NARROW = '(max-width: 600px) and (orientation: portrait)'
const toRead = `<script>if (!location.hash && matchMedia('${NARROW}').matches) location.replace('read/' + location.search)</script>
<style>.to-read { display: none } @media ${NARROW} { .to-read { display: block; position: fixed; z-index: 100; left: 16px; right: 16px; bottom: 24px; padding: 12px; text-align: center; font: 17px system-ui, sans-serif; border-radius: 10px; background: #eef0f5; color: #1b2230; text-decoration: none } }</style>`
const link = '<a class="to-read" href="read/">Read the talk on this phone</a>'

const page = await render()
mkdirSync(join(dist, 'read'), { recursive: true })
writeFileSync(join(dist, 'read/index.html'), page)
for (const name of ['index.html', '404.html'].map((name) => join(dist, name)).filter(existsSync)) {
  const deck = readFileSync(name, 'utf8')
  if (!deck.includes('to-read')) writeFileSync(name, deck.replace('</head>', `${toRead}\n</head>`).replace('</body>', `${link}\n</body>`))
}
if (new URL(REPOSITORY).hostname === 'example.org') console.error('note: the last slide shows no repository of yours yet; set its address in slides/repository.js')
process.exit() // vite leaves a handle open
