"""The basket of Bob Gregory's talk "Eventsourcing 101": one document per event, found by basket_id and folded in plain Python."""

import os
from collections import Counter
from importlib.metadata import version

from bson import ObjectId
from protocol import answer, start
from pymongo import MongoClient

DATABASE = "bench_peers_pymongo"

client = MongoClient(os.environ["BENCH_MONGO"], w="majority", readConcernLevel="majority")
db = client[DATABASE]


class Basket:
    """The talk's aggregate: it replays the events it is given, and keeps those it decides on until it is saved."""

    def __init__(self, basket_id, events=()):
        self.id = basket_id
        self.created = False
        self.items = Counter()
        self.new_events = []
        for event in events:
            self.apply(event)

    def apply(self, event):
        if event["type"] == "BasketCreated":
            self.created = True
        elif event["type"] == "ItemAdded":
            self.items[event["product"]] += event["qty"]

    def write_event(self, event):
        self.new_events.append(event)
        self.apply(event)

    def create(self):
        self.write_event({"basket_id": self.id, "type": "BasketCreated"})

    def add_item(self, product, qty=1):
        if not self.created:
            raise ValueError("there is no such basket")
        self.write_event({"basket_id": self.id, "type": "ItemAdded", "product": product, "qty": qty})

    def save(self):
        db.events.insert_many(self.new_events)
        self.new_events = []

    @classmethod
    def get(cls, basket_id):
        return cls(basket_id, db.events.find({"basket_id": basket_id}))


class Peer:
    def create(self):
        basket = Basket(ObjectId())
        basket.create()
        basket.save()

    def filled(self, events):
        basket = Basket(ObjectId())
        basket.create()
        for i in range(events - 1):
            basket.add_item(f"product {i % 50}")
        basket.save()
        return basket.id

    def append(self, basket_id):
        # No event need be read to append one: nothing in this idiom asks what the stream holds.
        db.events.insert_one({"basket_id": basket_id, "type": "ItemAdded", "product": "product 0", "qty": 1})

    def add(self, basket_id):
        basket = Basket.get(basket_id)
        basket.add_item("product 0")
        basket.save()

    def load(self, basket_id):
        return Basket.get(basket_id).items


def main():
    with client:
        client.drop_database(DATABASE)
        db.events.create_index("basket_id")  # the talk has none; without it a load reads every basket's events
        answer(
            Peer(),
            name=f"pymongo {version('pymongo')}, as in the talk",
            versions={"pymongo": version("pymongo")},
            less="no check that a stream is new or unchanged, no order but that of insertion, "
            "and several events are not one atomic write",
        )
        client.drop_database(DATABASE)


start(main)
