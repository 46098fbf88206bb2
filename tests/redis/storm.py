# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Producers, workers and a poller that go on while an edit runs, and books on where every job went."""

from __future__ import annotations

import collections
import contextlib
import json
import multiprocessing
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

SETS = {"retry": "retry", "scheduled": "schedule", "dead": "dead"}
QUEUES = ("push", "pull", "slow")
CLASSES = ("ActivityPub::DeliveryWorker", "LinkCrawlWorker", "BackupWorker")
DOMAIN = "gone.example"

_JID = re.compile(rb'"jid":"([0-9a-f]{24})"')
_TICK = 0.005
# sidekiq scheduled.rb takes one due job at a time with a script like this one, and pushes it then
_POP = """
local found = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, 1)
if found[1] then redis.call('ZREM', KEYS[1], found[1]) end
return found[1]
"""
_FORK = multiprocessing.get_context("fork")


def jid(raw: bytes) -> bytes:
    found = _JID.search(raw)
    assert found, raw
    return found.group(1)


def job(number: int, name: str, queue: str, **fields: Any) -> bytes:
    """Some hundred bytes, as a delivery has; where it is one, every second goes to the same remote server."""
    inbox = f"https://{DOMAIN if number % 2 else 'here.example'}/inbox"
    args = [number % 7, "x" * 200, inbox]
    payload = {"retry": True, "queue": queue, "class": name, "args": args, "jid": f"{number:024x}"}
    return json.dumps({**payload, "created_at": time.time(), **fields}, separators=(",", ":")).encode()


@dataclass
class Before:
    """What there was at the beginning, in the order in which it runs."""

    queues: dict[str, list[bytes]] = field(default_factory=dict)
    sets: dict[str, dict[bytes, float]] = field(default_factory=dict)

    def members(self) -> Iterator[bytes]:
        for members in [*self.queues.values(), *self.sets.values()]:
            yield from members

    def jids(self) -> Iterator[bytes]:
        return map(jid, self.members())


def fill(client: redis.Redis, seed: int, queued: int, waiting: int) -> Before:
    """An instance with so many jobs in each queue and set; of the retries many are due while a test runs."""
    chance, now = random.Random(seed), time.time()
    before, numbers = Before(), iter(range(1, 10**9))
    client.flushall()
    client.sadd("queues", *QUEUES)
    for queue, size in zip(QUEUES, chance.sample([queued, queued // 10, chance.choice([0, 1])], len(QUEUES))):
        before.queues[queue] = [job(next(numbers), chance.choice(CLASSES), queue) for _number in range(size)]
        for start in range(0, size, 1000):
            client.lpush(f"queue:{queue}", *before.queues[queue][start : start + 1000])
    for name, key in SETS.items():
        due = 3 if name == "retry" else 3600
        members = {
            job(next(numbers), chance.choice(CLASSES), chance.choice(QUEUES), error_class="E"): now
            + chance.random() * due
            for _number in range(waiting)
        }
        before.sets[name] = members
        if members:
            client.zadd(key, members)
    return before


@dataclass
class Books:
    """What the others did meanwhile, by jid. `returned`: given back to the tail at least once."""

    produced: list[bytes] = field(default_factory=list)
    consumed: list[bytes] = field(default_factory=list)
    returned: set[bytes] = field(default_factory=set)
    polled: set[bytes] = field(default_factory=set)


@contextlib.contextmanager
def others(url: str, seed: int = 1, produce: int = 2000, consume: int = 1500) -> Iterator[Books]:
    """Producers and workers, so many jobs a second, in a process of their own; the books are filled in at the end."""
    books = Books()
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_run, args=(theirs, url, seed, produce, consume), daemon=True)
    process.start()
    assert ours.recv() == "ready"
    try:
        yield books
    finally:
        ours.send("stop")
        found = ours.recv() if ours.poll(20) else None
        process.join(120)
        process.kill()
        assert found is not None, "the others ended badly"
        books.__dict__.update(found.__dict__)


def _run(pipe: Any, url: str, seed: int, produce: int, consume: int) -> None:
    client: Any = redis.Redis.from_url(url)
    chance, books = random.Random(seed), Books()
    pop, fresh = client.register_script(_POP), iter(range(10**12, 10**13))
    running: collections.deque[tuple[float, str, bytes]] = collections.deque()
    shares = dict.fromkeys(("produce", "consume"), 0.0)
    pipe.send("ready")
    last = time.monotonic()
    while not pipe.poll():
        now = time.monotonic()
        for what, rate in (("produce", produce), ("consume", consume)):
            shares[what] = min(shares[what] + rate * (now - last), rate / 4)
        last = now
        _produce(client, chance, fresh, books, int(shares["produce"]))
        shares["produce"] %= 1
        for queue in QUEUES:
            for raw in client.rpop(f"queue:{queue}", int(shares["consume"]) // len(QUEUES) + 1) or ():
                running.append((now + chance.random() / 10, queue, raw))
        shares["consume"] %= 1
        _end(client, chance, running, books, now)
        for _number in range(5):
            _poll(client, pop, chance.choice(["retry", "schedule"]), books)
        time.sleep(_TICK)
    books.consumed += [jid(raw) for _until, _queue, raw in running]
    pipe.send(books)


def _produce(client: Any, chance: random.Random, fresh: Iterator[int], books: Books, count: int) -> None:
    """As Client#push: registers the queue and pushes, in a pipeline that is no transaction."""
    pipe = client.pipeline(transaction=False)
    for _number in range(count):
        queue = chance.choice(QUEUES)
        raw = job(next(fresh), chance.choice(CLASSES), queue)
        books.produced.append(jid(raw))
        if chance.random() < 0.1:
            pipe.zadd(chance.choice(["retry", "schedule"]), {raw: time.time() + chance.random() * 600})
        else:
            pipe.sadd("queues", queue)
            pipe.lpush(f"queue:{queue}", raw)
    pipe.execute()


def _end(client: Any, chance: random.Random, running: Any, books: Books, now: float) -> None:
    """Jobs end, or are given back to the tail as they are by a process that gets TERM."""
    stopping = chance.random() < 0.02
    while running and (stopping or running[0][0] < now):
        _until, queue, raw = running.popleft()
        if stopping:
            client.rpush(f"queue:{queue}", raw)
            books.returned.add(jid(raw))
        else:
            books.consumed.append(jid(raw))


def _poll(client: Any, pop: Any, name: str, books: Books) -> None:
    raw = pop([name], [repr(time.time())])
    if raw:
        payload = {**json.loads(raw), "enqueued_at": time.time()}
        books.polled.add(jid(raw))
        client.sadd("queues", payload["queue"])
        client.lpush(f"queue:{payload['queue']}", json.dumps(payload, separators=(",", ":")))


@dataclass
class After:
    """What there is at the end."""

    queues: dict[str, list[bytes]]
    sets: dict[str, dict[bytes, float]]


def look(client: Any) -> After:
    queues = {key.decode()[6:]: client.lrange(key, 0, -1)[::-1] for key in client.keys("queue:*")}
    sets = {name: dict(client.zrange(key, 0, -1, withscores=True)) for name, key in SETS.items()}
    return After(queues, sets)


def balance(before: Before, books: Books, after: After, taken: list[bytes]) -> tuple[int, int]:
    """How many jobs are lost, and how many are there twice.

    Jobs before and produced must be those there now, consumed or `taken` out into an archive, and none in two of them.
    """
    there = collections.Counter(books.consumed) + collections.Counter(taken)
    for members in [*after.queues.values(), *after.sets.values()]:
        there.update(map(jid, members))
    expected = collections.Counter([*before.jids(), *books.produced])
    return len(expected - there), len(there - expected)


def check_books(before: Before, books: Books, after: After, taken: list[bytes]) -> None:
    """No job is lost, and none is there twice."""
    lost, twice = balance(before, books, after, taken)
    assert (lost, twice) == (0, 0)


def check_order(before: Before, books: Books, after: After) -> None:
    """What stood in a queue at the beginning and still does is in its order, whatever came among it."""
    for queue, members in before.queues.items():
        order = {raw: place for place, raw in enumerate(members) if jid(raw) not in books.returned}
        places = [order[raw] for raw in after.queues.get(queue, ()) if raw in order]
        assert places == sorted(places), queue
