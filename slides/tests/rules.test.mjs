// The slides' rules are basket-domain's rules: both are held against one file of cases.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { apply, decide, fold, report } from '../rules/basket.js'

const cases = JSON.parse(readFileSync(new URL('../../crates/basket-domain/tests/cases.json', import.meta.url)))

function event(words) {
  const [type, product, qty] = words.split(' ')
  return { type, basket_id: 'b', product, qty: Number(qty) }
}

const words = ({ type, product, qty }) => [type, product, qty].filter((word) => word !== undefined).join(' ')

for (const { name, given, when: [command, ...details], then, refused, holds } of cases) {
  test(name, () => {
    let state = fold(given.map(event))
    const decided = decide[command](state, ...(command === 'create' ? ['b'] : details))
    assert.equal(decided.refused, refused)
    assert.deepEqual(decided.events?.map(words), then?.map((text) => text))
    for (const happened of decided.events ?? []) state = apply(state, happened)
    assert.deepEqual([...state.items].map(([product, quantity]) => `${product} = ${quantity}`), holds)
  })
}

test('a removal takes out what that basket held and no more', () => {
  const events = [
    { type: 'ItemAdded', basket_id: 1, product: 'clocks', qty: 3 },
    { type: 'ItemAdded', basket_id: 2, product: 'clocks', qty: 4 },
    { type: 'ItemRemoved', basket_id: 1, product: 'clocks' },
  ]
  assert.deepEqual(report(events), { clocks: { baskets: 2, added: 7, removed: 3 } })
})
