"""A basket on the library eventsourcing, which keeps events in SQLite, or in memory when called with the argument "memory"."""

import os
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from protocol import answer, start


class Basket(Aggregate):
    @event("Created")
    def __init__(self):
        self.items = Counter()

    @event("ItemAdded")
    def add_item(self, product, qty):
        self.items[product] += qty


class Baskets(Application):
    def create(self):
        self.save(Basket())

    def filled(self, events):
        basket = Basket()
        for i in range(events - 1):
            basket.add_item(f"product {i % 50}", 1)
        self.save(basket)
        return basket

    def append(self, basket):
        # The aggregate at hand knows its version, so it need not be loaded.
        basket.add_item("product 0", 1)
        self.save(basket)

    def add(self, basket):
        basket = self.repository.get(basket.id)
        basket.add_item("product 0", 1)
        self.save(basket)

    def load(self, basket):
        return self.repository.get(basket.id).items


def main():
    if sys.argv[1:] == ["memory"]:
        env = {"PERSISTENCE_MODULE": "eventsourcing.popo"}
        store, less = "in memory", "keeps nothing: the events are in the memory of one process"
    else:
        file = Path(os.environ["BENCH_FOLDER"], "eventsourcing.db")
        env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(file)}
        store, less = "SQLite", "a file on one disk, with no server and no replica"
    installed = version("eventsourcing")
    with Baskets(env=env) as baskets:
        answer(baskets, name=f"eventsourcing {installed}, {store}", versions={"eventsourcing": installed}, less=less)


start(main)
