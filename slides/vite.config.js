// Slidev uses this when it serves, and `vite preview` when it serves the built site: /practice is a page of its own, not a
// slide. (`practice/vite.config.js` builds it.)
import { readFile } from 'node:fs/promises'

/** Its files are beside it, so its address ends with a slash. */
function redirect(request, response, next) {
  if (request.url.split('?')[0] !== '/practice') return next()
  response.writeHead(302, { location: '/practice/' }).end()
}

export default {
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
          if (request.url.split('?')[0] !== '/practice/') return next()
          const page = await readFile(new URL('practice/index.html', import.meta.url), 'utf8')
          response.setHeader('content-type', 'text/html')
          response.end(await server.transformIndexHtml('/practice/index.html', page))
        })
      },
    },
  ],
}
