// The page /practice: the recording of the exercise in a window of its own, with the same player as in the deck.
import { createApp, h } from 'vue'
import CastPlayer from '../components/CastPlayer.vue'
import '../styles/index.css'
import './page.css'

const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark', dark.matches)
dark.addEventListener('change', follow)
follow()

/** The talk's other films, too, for phones: /practice/?film=explore. Each is named as its slide and its file are. */
const films = { practice: 'The practice run', explore: 'A slider through time', live: 'Who was it? And now?' }
const asked = new URLSearchParams(location.search).get('film')
const film = Object.hasOwn(films, asked) ? asked : 'practice'
document.title = `${films[film]}: event sourcing from scratch`

createApp(() => [
  h('header', [h('h1', films[film]), h('a', { href: `../#/${film}` }, 'back to the talk')]),
  h('main', [h(CastPlayer, { src: `../${film}.cast` })]),
]).mount('#app')
