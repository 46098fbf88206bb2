# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walking queues and sets while they change: what is there all the time is seen exactly once."""

from __future__ import annotations

import collections
import contextlib
import itertools
import math
import threading

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal import iterate
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.filtered_iterate import candidates
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.iterate import (
    PAGE,
    queue_members,
    set_members,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.prefilter import Needles

QUEUE, SET = b"queue:push", b"retry"
# The fixture is an empty database for the whole test, which empties it itself for each example.
REAL_REDIS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def pages_as_asked_for(monkeypatch):
    """Also the first one, which is small where nobody knows yet how large members are."""
    monkeypatch.setattr(iterate, "_FIRST_PAGE", PAGE)


def names(start, count):
    return [b"%06d" % number for number in range(start, start + count)]


def push(client, members):
    """At the head, as producers do: the first of them runs first."""
    if members:
        client.lpush(QUEUE, *members)


def scan_queue(client, key, page):
    """The other walk, which lets Redis rule members out: here it rules out none."""
    return (member for _position, member in candidates(client, key, Needles([b"0"]), page))


def walk_queue(client, page, actions, walk=queue_members):
    """Walk, and do an action after as many members as its key says."""
    seen = []
    for number, member in enumerate(walk(client, QUEUE, page=page), start=1):
        seen.append(member)
        actions.get(number, lambda: None)()
        assert number < 10_000, "this never ends"
    return seen


@pytest.mark.parametrize("page", [1, 2, 3, 100, 101, PAGE])
def test_queue_at_borders_of_pages_in_the_order_in_which_it_runs(scratch_redis, page):
    for size in (0, 1, 2, 3, 99, 100, 101, 199, 200, 201, 300):
        scratch_redis.flushdb()
        push(scratch_redis, names(0, size))
        assert list(queue_members(scratch_redis, QUEUE, page=page)) == names(0, size)


@pytest.mark.parametrize("page", [2, 100, PAGE])
def test_queue_of_identical_members(scratch_redis, page):
    members = [b"same"] * 250 + names(0, 30) + [b"same"] * 250 + [b"other", b"same"] * 100
    push(scratch_redis, members)
    assert list(queue_members(scratch_redis, QUEUE, page=page)) == members


@pytest.mark.parametrize("fetched", [1, 2, 3, 50, 98, 150])
def test_queue_of_partly_identical_members_while_jobs_are_fetched(scratch_redis, fetched):
    unique = names(0, 250)
    push(scratch_redis, [member for name in unique for member in (name, b"same")])
    seen = walk_queue(scratch_redis, 50, {200: lambda: scratch_redis.rpop(QUEUE, fetched)})
    assert [member for member in seen if member != b"same"] == unique
    assert 250 - fetched <= seen.count(b"same") <= 250


@pytest.mark.parametrize("fetched", [1, 99, 100, 101, 150, 250, 400, 499, 500])
def test_queue_while_jobs_are_fetched(scratch_redis, fetched):
    push(scratch_redis, names(0, 500))
    seen = walk_queue(scratch_redis, 50, {200: lambda: scratch_redis.rpop(QUEUE, fetched)})
    assert seen == names(0, 200) + names(max(200, fetched), 500 - max(200, fetched))


@pytest.mark.parametrize("pushed", [1, 49, 50, 51, 1000])
def test_queue_while_jobs_are_pushed(scratch_redis, pushed):
    push(scratch_redis, names(0, 500))
    seen = walk_queue(scratch_redis, 50, {200: lambda: push(scratch_redis, names(1000, pushed))})
    assert seen == names(0, 500), "it ends, whatever producers do"


@pytest.mark.parametrize("returned", [1, 49, 50, 99, 100, 149, 150, 151, 400])
def test_queue_while_a_process_that_stops_gives_jobs_back(scratch_redis, returned):
    push(scratch_redis, names(0, 500))
    seen = walk_queue(scratch_redis, 50, {200: lambda: scratch_redis.rpush(QUEUE, *names(1000, returned))})
    assert [member for member in seen if member < b"001000"] == names(0, 500)


@pytest.mark.parametrize("deleted", [range(199, 200), range(150, 200), range(200), range(100, 300), range(499)])
def test_queue_while_somebody_deletes(scratch_redis, deleted):
    push(scratch_redis, names(0, 500))

    def delete():
        for number in deleted:
            scratch_redis.lrem(QUEUE, 1, names(number, 1)[0])

    seen = walk_queue(scratch_redis, 50, {200: delete})
    stays = [name for number, name in enumerate(names(0, 500)) if number not in deleted]
    assert [member for member in seen if member in set(stays)] == stays
    assert len(seen) == len(set(seen))


def check_queue(client, size, page, moves, walk=queue_members):
    client.flushdb()
    fresh = itertools.count(100_000)
    before = names(0, size)
    push(client, before)
    gone: set[bytes] = set()

    def act(kind, count):
        if kind == "push":
            push(client, [b"%06d" % next(fresh) for _number in range(count)])
        elif kind == "return":
            client.rpush(QUEUE, *(b"%06d" % next(fresh) for _number in range(count)))
        elif kind == "fetch":
            gone.update(client.rpop(QUEUE, count) or ())
        else:
            victims = client.lrange(QUEUE, 0, -1)[::3][:count]
            gone.update(victims)
            for victim in victims:
                client.lrem(QUEUE, 1, victim)

    seen = walk_queue(client, page, {at: lambda move=move: act(*move) for at, move in moves.items()}, walk)
    stayed = [member for member in before if member not in gone]
    assert [member for member in seen if member in set(stayed)] == stayed


def moves(*kinds):
    """After how many members what happens, and to how many."""
    return st.dictionaries(st.integers(1, 60), st.tuples(st.sampled_from(kinds), st.integers(1, 40)), max_size=6)


@pytest.mark.parametrize("walk", [queue_members, scan_queue])
@REAL_REDIS
@given(st.integers(0, 60), st.integers(1, 12), moves("fetch", "push", "return", "delete"))
@example(30, 1, {1: ("push", 1), 11: ("return", 24), 28: ("delete", 19)})
@example(21, 6, {1: ("return", 4), 2: ("delete", 6)})
def test_queue_whatever_happens(scratch_redis, walk, size, page, moves):
    check_queue(scratch_redis, size, page, moves, walk)


@REAL_REDIS
@given(st.integers(0, 60), st.integers(1, 12), st.integers(1, 20), moves("fetch", "push", "return"))
def test_queue_when_more_happens_than_a_page_reaches_back_over(scratch_redis, size, page, margin, moves):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iterate, "_MARGIN", margin)
        check_queue(scratch_redis, size, page, moves)


@contextlib.contextmanager
def meanwhile(step):
    """Repeat a step in a thread; what went wrong there is raised here."""
    over, faults = threading.Event(), []

    def run():
        try:
            while not over.is_set():
                step()
        except Exception as fault:
            faults.append(fault)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not faults


def test_queue_with_producers_and_workers_at_full_speed(scratch_redis):
    push(scratch_redis, names(0, 20_000))
    fresh = itertools.count(100_000)
    fetched: set[bytes] = set()

    def step():
        pipe = scratch_redis.pipeline(transaction=False)
        for _number in range(20):
            pipe.lpush(QUEUE, b"%06d" % next(fresh))
        pipe.rpop(QUEUE, 10 if len(fetched) < 10_000 else 0)  # some stay, however slow we are
        fetched.update(pipe.execute()[-1] or ())

    with meanwhile(step):
        seen = collections.Counter(queue_members(scratch_redis, QUEUE, page=200))
    stayed = [member for member in names(0, 20_000) if member not in fetched]
    assert fetched and stayed
    assert {member: seen[member] for member in stayed} == dict.fromkeys(stayed, 1)
    assert max(seen.values()) == 1


def walk_set(client, page, actions):
    seen = []
    for number, (member, _score) in enumerate(set_members(client, SET, page=page), start=1):
        seen.append(member)
        actions.get(number, lambda: None)()
        assert number < 20_000, "this never ends"
    return seen


@pytest.mark.parametrize("page", [2, 3, 100, PAGE])
@pytest.mark.parametrize("scores", [1, 2, 7, 1000])
def test_set_at_borders_of_pages_lowest_score_first(scratch_redis, page, scores):
    for size in (0, 1, 2, 3, 99, 100, 101, 200, 299, 300):
        scratch_redis.flushdb()
        entries = {name: float(number % scores) for number, name in enumerate(names(0, size))}
        if entries:
            scratch_redis.zadd(SET, entries)
        expected = sorted(entries.items(), key=lambda entry: (entry[1], entry[0]))
        assert list(set_members(scratch_redis, SET, page=page)) == expected


def test_set_with_thousands_of_equal_scores(scratch_redis):
    scratch_redis.zadd(SET, dict.fromkeys(names(0, 5000), 1795331156.428) | dict.fromkeys(names(5000, 2500), 7.0))
    assert [member for member, _score in set_members(scratch_redis, SET)] == names(5000, 2500) + names(0, 5000)


@pytest.mark.parametrize("page", [2, 3, 100])
def test_set_with_every_kind_of_score(scratch_redis, page):
    scores = [-math.inf, -1e308, -1.0, -0.0, 0.0, 5e-324, 1795331156.4281, 1795331156.42810001, 1e308, math.inf]
    entries = {b"%d-%d" % (number, copy): score for number, score in enumerate(scores) for copy in range(3)}
    scratch_redis.zadd(SET, entries)
    seen = list(set_members(scratch_redis, SET, page=page))
    assert sorted(member for member, _score in seen) == sorted(entries)
    assert dict(seen) == entries


@pytest.mark.parametrize("gone", [range(10), range(90, 100), range(99, 100), range(100), range(50, 150)])
def test_set_of_equal_scores_while_some_are_removed(scratch_redis, gone):
    scratch_redis.zadd(SET, dict.fromkeys(names(0, 300), 7.0))
    removed = [names(number, 1)[0] for number in gone]
    seen = walk_set(scratch_redis, 20, {100: lambda: scratch_redis.zrem(SET, *removed)})
    stays = [name for name in names(0, 300) if name not in removed]
    assert [member for member in seen if member in set(stays)] == stays
    assert len(seen) == len(set(seen))


def test_set_of_equal_scores_while_some_are_added(scratch_redis):
    scratch_redis.zadd(SET, dict.fromkeys(names(1000, 300), 7.0))
    early = dict.fromkeys(names(0, 250), 7.0)
    assert walk_set(scratch_redis, 20, {100: lambda: scratch_redis.zadd(SET, early)}) == names(1000, 300)


@REAL_REDIS
@given(
    st.lists(st.integers(0, 5), max_size=60),
    st.integers(2, 12),
    st.dictionaries(st.integers(1, 60), st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 40)), max_size=6),
)
def test_set_whatever_happens(scratch_redis, scores, page, moves):
    scratch_redis.flushdb()
    before = {name: float(score) for name, score in zip(names(1000, len(scores)), scores)}
    if before:
        scratch_redis.zadd(SET, before)
    fresh = itertools.count()
    gone: set[bytes] = set()

    def act(adds, score, count):
        if adds:
            scratch_redis.zadd(
                SET, {b"%06d" % (next(fresh) * 97 % 2000): float(score) for _number in range(count)}, nx=True
            )
        else:
            victims = scratch_redis.zrange(SET, 0, -1)[score::3][:count]
            gone.update(victims)
            if victims:
                scratch_redis.zrem(SET, *victims)

    seen = walk_set(scratch_redis, page, {at: lambda move=move: act(*move) for at, move in moves.items()})
    stayed = sorted((member for member in before if member not in gone), key=lambda member: (before[member], member))
    assert [member for member in seen if member in set(stayed)] == stayed
    assert len(seen) == len(set(seen) - gone) + len([member for member in seen if member in gone])


def test_set_with_a_poller_at_full_speed(scratch_redis):
    scratch_redis.zadd(SET, dict.fromkeys(names(0, 10_000), 7.0) | dict.fromkeys(names(10_000, 10_000), 8.0))
    fresh = itertools.count(100_000)
    polled: set[bytes] = set()

    def step():
        pipe = scratch_redis.pipeline(transaction=False)
        pipe.zadd(SET, {b"%06d" % next(fresh): 9.0 for _number in range(20)})
        pipe.zpopmin(SET, 10 if len(polled) < 12_000 else 0)  # some stay, however slow we are
        polled.update(member for member, _score in pipe.execute()[-1])

    with meanwhile(step):
        seen = collections.Counter(member for member, _score in set_members(scratch_redis, SET, page=200))
    stayed = [member for member in names(0, 20_000) if member not in polled]
    assert polled and stayed
    assert {member: seen[member] for member in stayed} == dict.fromkeys(stayed, 1)
    assert max(seen.values()) == 1


@pytest.mark.parametrize("members_of", [queue_members, set_members])
def test_a_key_of_another_type_is_not_sidekiqs(scratch_redis, members_of):
    scratch_redis.hset("foreign", "a", "b")
    assert list(members_of(scratch_redis, b"foreign")) == []
    assert list(members_of(scratch_redis, b"absent")) == []
