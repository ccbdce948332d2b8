db.baskets.findOne({ version: 2 })
{
  _id: ObjectId('6b085169f3dc14aa39bdafaa'),
  basket_id: ObjectId('6b085169f3dc14aa39bdafa7'),  // which basket
  version: Long('2'),  // its second event
  type: 'ItemAdded',
  data: { product: 'socks', qty: Long('1') },
  recorded_at: ISODate('2026-11-26T15:34:01.365Z'),
  commit: ObjectId('6b085169f3dc14aa39bdafa8'),  // saved together
  schema: 1,  // the shape of data
  meta: { actor: 'ann', reason: 'for the hike' }  // who, and why
}
