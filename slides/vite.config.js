// Slidev uses this when it serves: /practice is a page of its own, not a slide. (`practice/vite.config.js` builds it.)
import { readFile } from 'node:fs/promises'

export default {
  // Without this, vite finds it only when it is first shown, and reloads the deck in the middle of a talk.
  optimizeDeps: { include: ['asciinema-player'] },
  plugins: [
    {
      name: 'practice',
      configureServer(server) {
        server.middlewares.use(async (request, response, next) => {
          const [path] = request.url.split('?')
          if (path === '/practice') return response.writeHead(302, { location: '/practice/' }).end()
          if (path !== '/practice/') return next()
          const page = await readFile(new URL('practice/index.html', import.meta.url), 'utf8')
          response.setHeader('content-type', 'text/html')
          response.end(await server.transformIndexHtml('/practice/index.html', page))
        })
      },
    },
  ],
}
