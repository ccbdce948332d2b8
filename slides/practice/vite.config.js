// Builds the page /practice into the site that Slidev has built. Paths are relative, so that it works in any folder.
import vue from '@vitejs/plugin-vue'

export default {
  base: './',
  publicDir: false,
  plugins: [vue()],
  build: { outDir: `../${process.env.SHORT ? 'short-' : ''}dist/practice`, emptyOutDir: true },
  logLevel: 'warn',
}
