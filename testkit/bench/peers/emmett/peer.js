// A basket on Emmett's event store for MongoDB: one document per stream, which holds the stream's events in an array.
import { readFileSync } from 'node:fs';
import { CommandHandler, STREAM_DOES_NOT_EXIST } from '@event-driven-io/emmett';
import { getMongoDBEventStore, toStreamName } from '@event-driven-io/emmett-mongodb';
import { MongoClient } from 'mongodb';
import { v4 as uuid } from 'uuid';
import { answer, start } from '../protocol/protocol.mjs';

const DATABASE = 'bench_peers_emmett';

const initialState = () => ({ created: false, items: new Map() });

const evolve = (state, { type, data }) => {
  switch (type) {
    case 'BasketCreated':
      return { ...state, created: true };
    case 'ItemAdded':
      // The map is this fold's own, so it is changed in place: to copy it at each event would be slower, and not Emmett's doing.
      state.items.set(data.product, (state.items.get(data.product) ?? 0) + data.qty);
      return state;
    default:
      return state;
  }
};

const created = { type: 'BasketCreated', data: {} };
const added = (product) => ({ type: 'ItemAdded', data: { product, qty: 1 } });

const addItem = (product) => (state) => {
  if (!state.created) throw new Error('there is no such basket');
  return added(product);
};

const handle = CommandHandler({ evolve, initialState });

const newStream = () => toStreamName('basket', uuid());
const isNew = { expectedStreamVersion: STREAM_DOES_NOT_EXIST };

const peerOn = (store) => ({
  create: () => store.appendToStream(newStream(), [created], isNew),

  filled: async (events) => {
    const stream = newStream();
    const items = Array.from({ length: events - 1 }, (_, i) => added(`product ${i % 50}`));
    const { nextExpectedStreamVersion: version } = await store.appendToStream(stream, [created, ...items], isNew);
    return { stream, version };
  },

  append: async (basket) => {
    const asKnown = { expectedStreamVersion: basket.version };
    const appended = await store.appendToStream(basket.stream, [added('product 0')], asKnown);
    basket.version = appended.nextExpectedStreamVersion;
  },

  add: ({ stream }) => handle(store, stream, addItem('product 0')),

  load: async ({ stream }) => (await store.aggregateStream(stream, { evolve, initialState })).state.items,
});

await start(async () => {
  const { dependencies: versions } = JSON.parse(readFileSync(new URL('package.json', import.meta.url)));
  // Emmett sets no concerns of its own, so those of its client hold in every read and write.
  const client = new MongoClient(process.env.BENCH_MONGO, {
    writeConcern: { w: 'majority' },
    readConcern: { level: 'majority' },
  });
  const database = client.db(DATABASE);
  try {
    await database.dropDatabase();
    const storage = { type: 'COLLECTION_PER_STREAM_TYPE', databaseName: DATABASE };
    await answer(peerOn(getMongoDBEventStore({ client, storage })), {
      name: `Emmett ${versions['@event-driven-io/emmett-mongodb']}`,
      versions,
      less: 'a stream is one document, which ends at 16 MB and grows with each append',
    });
    await database.dropDatabase();
  } finally {
    await client.close();
  }
});
