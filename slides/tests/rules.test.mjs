// The slides' rules are basket-domain's rules: both are tested with one file of cases.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { apply, decide, fold, report } from '../rules/basket.js'

const cases = JSON.parse(readFileSync(new URL('../../crates/basket-domain/tests/cases.json', import.meta.url)))

function event(words) {
  const [type, product, qty] = words.split(' ')
  return { type, basket_id: 'b', product, qty: Number(qty) }
}

const words = ({ type, product, qty }) => [type, product, qty].filter((word) => word !== undefined).join(' ')

describe('slide "The fold, to play with" keeps the rules of basket-domain (rules/basket.js, cases.json)', () => {
  for (const { name, given, when: [command, ...details], then, refused, holds } of cases) {
    test(name, () => {
      let state = fold(given.map(event))
      const decided = decide[command](state, ...(command === 'create' ? ['b'] : details))
      assert.equal(decided.refused, refused)
      assert.deepEqual(decided.events?.map(words), then)
      for (const happened of decided.events ?? []) state = apply(state, happened)
      assert.deepEqual([...state.items].map(([product, quantity]) => `${product} = ${quantity}`), holds)
    })
  }
})

test('slide "So ask them": a removal takes out what that basket held and no more', () => {
  const events = [
    { type: 'ItemAdded', basket_id: 1, product: 'clocks', qty: 3 },
    { type: 'ItemAdded', basket_id: 2, product: 'clocks', qty: 4 },
    { type: 'ItemRemoved', basket_id: 1, product: 'clocks' },
  ]
  assert.deepEqual(report(events), { clocks: { baskets: 2, added: 7, removed: 3 } })
})

test('slide "One event, one document": its fields are those that basket-mongo stores', () => {
  const read = (file) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
  const [, slide] = /# One event, one document\n\n```js\n([\s\S]*?)```/.exec(read('chapters/6-database.md'))
  const [, stored] = /let fields = \[(.*?)\];/s.exec(read('../crates/basket-mongo/tests/stage_6_save.rs'))
  const shown = [...slide.matchAll(/^[{ ] (\w+): /gm)].map(([, field]) => field)
  assert.deepEqual(shown, [...stored.matchAll(/"(\w+)"/g)].map(([, field]) => field))
})
