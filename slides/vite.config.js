// Slidev uses this when it serves, and `vite preview` when it serves the built site: /practice is a page of its own, not a
// slide (`practice/vite.config.js` builds it), and so is /read (`scripts/read.mjs`), which is shown as it was built last.
import { readFile } from 'node:fs/promises'

/** What they link to is beside them, so their addresses end with a slash. */
function redirect(request, response, next) {
  const [path, query] = request.url.split('?')
  if (path !== '/practice' && path !== '/read') return next()
  response.writeHead(302, { location: `${path}/${query ? `?${query}` : ''}` }).end()
}

export default {
  preview: { port: Number(process.env.PORT || 8000), strictPort: true },
  slidev: { markdown: { markdownItOptions: { html: true, xhtmlOut: true, linkify: true, quotes: '“”‘’' } } },
  // Without this, vite finds them only when they are first shown, and reloads the deck in the middle of a talk.
  optimizeDeps: { include: ['asciinema-player', 'uqr'] },
  plugins: [
    {
      name: 'practice',
      configurePreviewServer: (server) => void server.middlewares.use(redirect),
      configureServer(server) {
        server.middlewares.use(redirect)
        server.middlewares.use(async (request, response, next) => {
          const [path] = request.url.split('?')
          if (path === '/read/') {
            response.setHeader('content-type', 'text/html')
            const built = new URL(`${process.env.SHORT ? 'short-' : ''}dist/read/index.html`, import.meta.url)
            return response.end(await readFile(built).catch(() => 'This page is not built yet: make slides'))
          }
          if (path !== '/practice/') return next()
          const page = await readFile(new URL('practice/index.html', import.meta.url), 'utf8')
          response.setHeader('content-type', 'text/html')
          response.end(await server.transformIndexHtml('/practice/index.html', page))
        })
      },
    },
  ],
}
