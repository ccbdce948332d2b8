"""What the peers in Python share: the works, the clock and the answers to bench.

A peer is an object with
    create()        appends the first event of a new basket
    filled(events)  writes a basket of that many events, and gives what finds it
    append(basket)  appends one event to it
    add(basket)     loads it, decides to add "product 0", and appends that
    load(basket)    loads it, and gives its items: a map of product to quantity
"""

import json
import sys
import time

WORKS = ["append", "append-10000", "handle-100", "load-10000", "load-100"]


def say(**answer):
    print(json.dumps(answer), flush=True)


def events_in(work):
    return int(work.split("-")[1])


def check(items, quantity):
    if len(items) != 50 or sum(items.values()) != quantity:
        raise AssertionError(f"{len(items)} products, {sum(items.values())} in all, not 50 and {quantity}")


def timed(do, arguments):
    started = time.monotonic_ns()
    for argument in arguments:
        result = do(*argument)
    return time.monotonic_ns() - started, result


def prepare(peer, prepared, work):
    if work == "append":
        peer.create()  # whatever the first append creates, the clock should not see
    elif work != "handle-100":
        prepared[work] = peer.filled(events_in(work))


def run(peer, prepared, work, n):
    if work == "append":
        return timed(peer.create, [()] * n)[0]
    if work == "append-10000":
        return timed(peer.append, [(prepared[work],)] * n)[0]
    if work == "handle-100":
        baskets = [(peer.filled(100),) for _ in range(n)]
        ns, _ = timed(peer.add, baskets)
        check(peer.load(*baskets[-1]), 100)
        return ns
    ns, items = timed(peer.load, [(prepared[work],)] * n)
    check(items, events_in(work) - 1)
    return ns


def answer(peer, name, versions, less):
    prepared = {}
    python = sys.version.split()[0]
    say(ready=True, name=name, versions={**versions, "python": python}, works=WORKS, less=less)
    for line in sys.stdin:
        match line.split():
            case ["prepare", work] if work in WORKS:
                prepare(peer, prepared, work)
                say(prepared=True)
            case ["run", work, n] if work in WORKS:
                say(ns=run(peer, prepared, work, int(n)))
            case ["end"]:
                return
            case _:
                raise ValueError(f"not understood: {line.strip()}")


def start(main):
    try:
        main()
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}")
        sys.exit(1)
