// The page /practice: the recording of the exercise in a window of its own, with the same player as in the deck.
import { createApp, h } from 'vue'
import CastPlayer from '../components/CastPlayer.vue'
import '../styles/index.css'
import './page.css'

const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark', dark.matches)
dark.addEventListener('change', follow)
follow()

createApp(() => [
  h('header', [h('h1', 'The practice run'), h('a', { href: '../#/practice' }, 'back to the talk')]),
  h('main', [h(CastPlayer, { src: '../practice.cast' })]),
]).mount('#app')
