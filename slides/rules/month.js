// A month of baskets, made up, and the same every time: the events behind the boss's question. The answer on its slide is what
// `basket report removed` prints for the same events, which crates/basket-cli/tests/recordings.rs makes by the same numbers.

/** Numbers that look random and are the same every time (a linear congruential generator, Lehmer's). */
function generator(seed) {
  let state = seed
  return () => (state = (state * 48271) % 2147483647) / 2147483647
}

export function month() {
  const random = generator(20260101)
  const events = []
  for (let basket_id = 1; basket_id <= 600; basket_id++) {
    events.push({ type: 'BasketCreated', basket_id })
    for (const [product, added, removed] of [['socks', 0.7, 0.05], ['rocks', 0.4, 0.2], ['clocks', 0.5, 0.9]]) {
      if (random() < added) {
        events.push({ type: 'ItemAdded', basket_id, product, qty: 1 + Math.floor(random() * 3) })
        if (random() < removed) events.push({ type: 'ItemRemoved', basket_id, product })
      }
    }
  }
  return events
}
