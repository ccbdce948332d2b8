// The slides' rules are basket-domain's rules: both are tested with one file of cases.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { apply, decide, fold, report } from '../rules/basket.js'
import { month } from '../rules/month.js'

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

test('the report: a removal takes out what that basket held and no more', () => {
  const events = [
    { type: 'ItemAdded', basket_id: 1, product: 'clocks', qty: 3 },
    { type: 'ItemAdded', basket_id: 2, product: 'clocks', qty: 4 },
    { type: 'ItemRemoved', basket_id: 1, product: 'clocks' },
  ]
  assert.deepEqual(report(events), { clocks: { baskets: 2, added: 7, removed: 3 } })
})

test('slides "So ask the events" and "Now ask them": what was recorded is the answer for these very events', () => {
  const answer = readFileSync(new URL('../recordings/mongo/report.console', import.meta.url), 'utf8')
  const row = /^(\w+) +(\d+) +(\d+) +(\d+) +(\d+) %/gm
  const recorded = [...answer.matchAll(row)].map(([, product, ...numbers]) => [product, ...numbers.map(Number)])
  const folded = Object.entries(report(month())).map(([product, { baskets, added, removed }]) => [product, baskets, added, removed, Math.round((100 * removed) / added)])
  assert.equal(recorded.length, 3)
  assert.deepEqual(recorded, folded.sort())
})
