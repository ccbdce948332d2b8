// What the peers in JavaScript share: the works, the clock and the answers to bench.
//
// A peer is an object with these functions, all async:
//   create()        appends the first event of a new basket
//   filled(events)  writes a basket of that many events, and gives what finds it
//   append(basket)  appends one event to it
//   add(basket)     loads it, decides to add "product 0", and appends that
//   load(basket)    loads it, and gives its items: a Map of product to quantity
import { createInterface } from 'node:readline';

const WORKS = ['append', 'append-10000', 'handle-100', 'load-10000', 'load-100'];

console.log = console.error; // whatever a library logs, standard output is for answers alone
const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');

const eventsIn = (work) => Number(work.split('-')[1]);

function check(items, quantity) {
  const total = [...items.values()].reduce((sum, qty) => sum + qty, 0);
  if (items.size !== 50 || total !== quantity)
    throw new Error(`${items.size} products, ${total} in all, not 50 and ${quantity}`);
}

async function timed(n, work) {
  const started = process.hrtime.bigint();
  let result;
  for (let i = 0; i < n; i++) result = await work(i);
  return { ns: Number(process.hrtime.bigint() - started), result };
}

async function prepare(peer, prepared, work) {
  if (work === 'append') await peer.create(); // whatever the first append creates, the clock should not see
  else if (work !== 'handle-100') prepared[work] = await peer.filled(eventsIn(work));
}

async function run(peer, prepared, work, n) {
  const basket = prepared[work];
  if (work === 'append') return (await timed(n, peer.create)).ns;
  if (work === 'append-10000') return (await timed(n, () => peer.append(basket))).ns;
  if (work === 'handle-100') {
    const baskets = [];
    for (let i = 0; i < n; i++) baskets.push(await peer.filled(100));
    const { ns } = await timed(n, (i) => peer.add(baskets[i]));
    check(await peer.load(baskets.at(-1)), 100);
    return ns;
  }
  const { ns, result } = await timed(n, () => peer.load(basket));
  check(result, eventsIn(work) - 1);
  return ns;
}

export async function answer(peer, { name, versions, less }) {
  const prepared = {};
  say({ ready: true, name, versions: { ...versions, node: process.versions.node }, works: WORKS, less });
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, work, n] = line.split(' ');
    if (verb === 'end') return;
    if (!WORKS.includes(work)) throw new Error(`not understood: ${line}`);
    if (verb === 'prepare') {
      await prepare(peer, prepared, work);
      say({ prepared: true });
    } else if (verb === 'run') say({ ns: await run(peer, prepared, work, Number(n)) });
    else throw new Error(`not understood: ${line}`);
  }
}

export async function start(main) {
  try {
    await main();
  } catch (error) {
    say({ error: `${error.name}: ${error.message}` });
    process.exitCode = 1;
  }
  process.stdin.destroy(); // an open pipe would keep the process
}
