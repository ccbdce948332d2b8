// The films of the terminal on the slides, in a real browser: each chapter shows what its name says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { close, open, visible } from './browser.mjs'

const films = {
  explore: { Time: 'version 8, the newest: live', Diff: 'Changes from version 2 to 8', 'What if': 'would have been refused' },
  live: { Blame: 'rocks = 0', Watch: 'undid version 10' },
}

for (const [slide, chapters] of Object.entries(films)) {
  test(`the film on the slide ${slide}`, { timeout: 120_000 }, async () => {
    const page = await open(`#/${slide}`)
    const button = (name) => visible(page, '.chapters button').filter({ hasText: name })
    await button(Object.keys(chapters)[0]).waitFor()
    await visible(page, '[data-test=speed]').click({ clickCount: 2 })
    for (const [name, words] of Object.entries(chapters)) {
      await button(name).click()
      await visible(page, '[data-test=play]').filter({ hasText: 'play' }).click()
      await visible(page, '[data-test=screen]').getByText(words).first().waitFor({ timeout: 20_000 })
      assert.equal(await button(name).getAttribute('aria-current'), 'step')
      await visible(page, '[data-test=play]').filter({ hasText: /^p/ }).click()
    }
    await close(page)
  })
}

test('the film of browse: it plays to its end, and its beginning is one click away', { timeout: 60_000 }, async () => {
  const page = await open('#/browse')
  const film = visible(page, 'video')
  await film.evaluate((video) => {
    video.preload = 'auto'
    return video.readyState || new Promise((resolve) => (video.onloadedmetadata = resolve))
  })
  const { duration, videoWidth, label } = await film.evaluate(({ duration, videoWidth, ariaLabel }) => ({ duration, videoWidth, label: ariaLabel }))
  assert.ok(duration > 15 && duration < 40 && videoWidth > 1000, `${duration} s, ${videoWidth} pixels`)
  assert.match(label, /basket browse/)
  await film.evaluate(async (video) => {
    video.currentTime = video.duration - 1
    await video.play()
    await new Promise((resolve) => (video.onended = resolve))
    video.currentTime = 0
    await new Promise((resolve) => (video.onseeked = resolve))
  })
  await close(page)
})
