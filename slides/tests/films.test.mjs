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
