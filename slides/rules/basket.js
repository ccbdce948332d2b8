// The basket's rules for the interactive slides: the same deciders and appliers as basket-domain's. tests/rules.test.mjs
// and the crate's tests/cases.rs test both with one file of cases, crates/basket-domain/tests/cases.json.

export const MAX = 4294967295

/** The state before anything happened. */
export const nothing = () => ({ id: null, items: new Map() })

/** Each returns events or a refusal: { events } or { refused }. */
export const decide = {
  create: (state, id) => (state.id ? { refused: 'AlreadyCreated' } : { events: [{ type: 'BasketCreated', basket_id: id }] }),
  add(state, product, qty) {
    if (!state.id) return { refused: 'NeverCreated' }
    if ((state.items.get(product) ?? 0) + qty > MAX) return { refused: 'TooMany' }
    return { events: [{ type: 'ItemAdded', product, qty }] }
  },
  remove(state, product) {
    if (!state.id) return { refused: 'NeverCreated' }
    if (!state.items.has(product)) return { refused: 'NotInBasket' }
    return { events: [{ type: 'ItemRemoved', product }] }
  },
}

/** The state after an event. It never refuses: the event has happened. */
export function apply(state, event) {
  const items = new Map(state.items)
  switch (event.type) {
    case 'BasketCreated':
      return { id: event.basket_id, items }
    case 'ItemAdded':
      return { ...state, items: items.set(event.product, (items.get(event.product) ?? 0) + event.qty) }
    case 'ItemRemoved':
      items.delete(event.product)
      return { ...state, items }
    default:
      throw new Error(`an event of type ${event.type}`)
  }
}

/** state = fold(apply, events) */
export const fold = (events) => events.reduce(apply, nothing())

/** The boss's question: what came and went of each product, over the events of many baskets. */
export function report(events) {
  const held = new Map()
  const products = {}
  for (const { type, basket_id, product, qty } of events) {
    if (type === 'BasketCreated') continue
    const turnover = (products[product] ??= { baskets: 0, added: 0, removed: 0 })
    const key = `${basket_id}/${product}`
    if (type === 'ItemAdded') {
      if (!held.has(key)) turnover.baskets += 1
      held.set(key, (held.get(key) ?? 0) + qty)
      turnover.added += qty
    } else {
      turnover.removed += held.get(key) ?? 0
      held.set(key, 0)
    }
  }
  return products
}
