# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in Redis: nothing crashes, everything is counted as what it is, and what is returned is strict UTF-8."""

from __future__ import annotations

import collections
import json
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.text import text
from ansible_collections.fediverse.mastodon.tests.instance import situations
from ansible_collections.fediverse.mastodon.tests.redis import looking, odd_members
from ansible_collections.fediverse.mastodon.tests.redis.odd_members import FIELDS, SECRET, WRAPPER, Odd

COUNT = 5_000
QUEUES = ("default", "push", "pull", "\N{SNOWMAN} \n*")
SETS = {"retry": "retry", "scheduled": "schedule", "dead": "dead"}
INFO = (
    "hostname",
    "pid",
    "tag",
    "version",
    "concurrency",
    "started_at",
    "queues",
    "weights",
    "labels",
    "capsules",
    "embedded",
)
MOMENTS = (0.0, -1.0, 1e308, float("inf"), float("-inf"), 1795331156.5)
TICKS = (b"2026-11-22 07:05:56 +0000", b"2026-11-22 07:05:56 UTC", b"0001-01-01 00:00:00 +2359", b"tomorrow", b"")


def contents(client):
    return {name: client.dump(name) for name in client.keys("*")}


def strict(result):
    """The result as the text that Ansible would return."""
    encoded = json.dumps(result, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert json.loads(encoded) == result
    return encoded.decode()


def spread(client, seed, count):
    """Put members everywhere; returns how many of those in each place are no job."""
    broken: collections.Counter[str] = collections.Counter()
    pipe = client.pipeline(transaction=False)
    in_sets = set()
    for number, (raw, is_job) in enumerate(odd_members.members(seed, count)):
        place = [*QUEUES, *SETS][number % 7]
        if (place, raw) in in_sets:
            place = "pull"  # where the same can be twice
        if place in SETS:
            in_sets.add((place, raw))
            moment = time.time() - number if place == "dead" else MOMENTS[number % len(MOMENTS)]
            pipe.zadd(SETS[place], {raw: moment})
        else:
            pipe.lpush(f"queue:{place}", raw)
        broken[place] += not is_job
        if number % 1000 == 0:
            pipe.execute()
    pipe.sadd("queues", *QUEUES, "", "empty", b"\xff\xfe", "sq|host|default")
    pipe.lpush(b"queue:\xff\xfe", *(b"{}",) * 7)
    pipe.lpush("queue:sq|host|default", *(b"",) * 5)
    pipe.sadd("paused", "push", b"\xff")
    pipe.execute()
    return broken


def write_processes(client, odd, count=40):
    """Processes that say strange things of themselves, and what runs in them."""
    names = [b"host:%d:abc" % number for number in range(count)]
    names += [b"", b"\xff\xfe:\xff:\xff", b":", b"::", b"a:\xc2\xb2:b", "\N{SNOWMAN}:1:x".encode(), b"retry"]
    running = collections.Counter()
    for number, name in enumerate(names):
        client.sadd("processes", name)
        if name in (b"", b"retry"):
            continue
        info = {field: odd.value() for field in INFO}
        if number % 2:
            info["queues"] = ["default", "push", odd.text(), odd.value()]
            info["weights"] = [{odd.text(): odd.value()}, odd.value(), {"default": odd.number()}]
            info["version"] = odd.random.choice(["8.1.7", "\N{SUPERSCRIPT TWO}.0", "9" * 5000, "8." + "9" * 5000, ""])
        fields = {field: odd.text() for field in ("concurrency", "busy", "beat", "quiet", "rss", "rtt_us")}
        if number % 3 == 0:
            fields |= {field: str(odd.number()) for field in ("concurrency", "busy", "beat", "rss", "rtt_us")}
        encoded = {field: value.encode("utf-8", "surrogatepass") for field, value in fields.items()}
        raw = json.dumps(info).encode() if number % 5 else odd.bytes()
        client.hset(name, mapping={**encoded, "info": raw})
        for suffix in (b":work", b":workers"):
            works = {odd.bytes(12): work for work in _works(odd)}
            client.hset(name + suffix, mapping=works)
            running[name] += len(works)
    return len(names), running


def _works(odd):
    yield odd.bytes()
    yield from (raw for raw, _is_job in odd_members.small_members(odd, 8))
    for payload in (odd.payload(), odd.sound()):
        text = json.dumps(payload, ensure_ascii=odd.random.random() < 0.5)
        for inner in (text, payload, text[:-1], odd.value()):
            entry = {"queue": odd.value(), "payload": inner, "run_at": odd.value()}
            yield json.dumps(entry).encode()
            yield json.dumps({**entry, "queue": "default", "run_at": 1795331156}).encode()


def write_schedule(client, odd, count=60):
    for number in range(count):
        name = odd.bytes(20) + b"%d" % number
        config = {"class": odd.value(), "queue": odd.value(), "enabled": odd.value()}
        client.hset("schedules", name, json.dumps(config) if number % 3 else odd.bytes())
        client.hset(
            "sidekiq-scheduler:states", name, json.dumps({"enabled": odd.value()}) if number % 2 else odd.bytes()
        )
        client.hset("sidekiq-scheduler:last_times", name, odd.random.choice(TICKS))
        client.hset("sidekiq-scheduler:next_times", name, odd.random.choice([*TICKS, odd.bytes()]))
        member = b"cron_job:" + name
        client.sadd("cron_jobs" if number % 2 else "cron_jobs:default", member)
        if number % 4:
            fields = ("name", "klass", "queue", "status", "last_enqueue_time")
            client.hset(member, mapping={field: odd.bytes() for field in fields})
    return client.hlen("schedules") + client.scard("cron_jobs") + client.scard("cron_jobs:default")


def write_locks(client, odd, count=200):
    held = 0
    for number in range(count):
        digest = odd.bytes(40) + b"%d" % number + (b":RUN" if number % 3 == 0 else b"")
        registry = "uniquejobs:expiring_digests" if number % 7 == 0 else "uniquejobs:digests"
        client.zadd(registry, {digest: odd.random.choice(MOMENTS)})
        if number % 5:
            moments = [b"1795331156.4", b"0", odd.bytes(), str(odd.number()).encode()]
            client.hset(
                digest + b":LOCKED", mapping={odd.bytes(30) + b"j": odd.random.choice(moments) for _number in range(2)}
            )
            held += 1
    return held


def test_five_thousand_odd_members(scratch_redis):
    odd = Odd(7)
    broken = spread(scratch_redis, 1, COUNT)
    processes, running = write_processes(scratch_redis, odd)
    schedule = write_schedule(scratch_redis, odd)
    held = write_locks(scratch_redis, odd)
    scratch_redis.set("stat:processed", "9" * 400)
    scratch_redis.set("stat:failed", b"\xff")
    before = contents(scratch_redis)

    # Nothing beats here, so there is no heartbeat to wait for.
    info = looking.info(scratch_redis, lock_min_age=0, heartbeat_timeout=0)
    health = looking.health(scratch_redis, lock_age=0, heartbeat_timeout=0)

    assert contents(scratch_redis) == before, "reading changed something"
    assert SECRET not in strict(info)
    assert SECRET not in strict(health)

    totals, sizes = info["totals"], {queue["name"]: queue["size"] for queue in info["queues"] if queue["registered"]}
    lengths = {name: scratch_redis.llen(f"queue:{name}") for name in (*QUEUES, "", "empty")}
    assert sizes == {**lengths, "\\xff\\xfe": 7}
    assert totals["enqueued"] == sum(lengths.values()) + 7
    for name, key in SETS.items():
        assert totals[name] == info["sets"][name]["size"] == scratch_redis.zcard(key)
    assert sum(lengths.values()) + sum(totals[name] for name in SETS) == COUNT
    assert (totals["processed"], totals["failed"]) == (0, 0)
    assert totals["processes"] == len(info["processes"]) == processes
    alive = {process["identity"] for process in info["processes"] if process["alive"]}
    assert len(info["busy"]) == sum(number for name, number in running.items() if text(name) in alive) > 0
    assert len(info["schedule"]) == schedule
    assert info["locks"]["total"] == held

    (malformed,) = [finding for finding in health["findings"] if finding["id"] == "malformed_members"]
    assert malformed["evidence"]["places"] == {place: count for place, count in broken.items() if count}
    assert sum(broken.values()) > COUNT * 0.4
    assert health["totals"] == totals


@pytest.mark.parametrize("figure", ["1e308", "-1e308", "9" * 300, "1e999", "nan", str(2**63), "-1"])
def test_absurd_figures(scratch_redis, figure):
    delivery = {"class": "ActivityPub::DeliveryWorker", "args": ["", 1, "https://gone.example/inbox"], "jid": "a"}
    fields = ("concurrency", "busy", "beat", "rss", "rtt_us")
    for name in ("a:1:x", "b:1:x"):
        scratch_redis.sadd("processes", name)
        info = {"hostname": "a", "version": f"{figure}.{figure}", "started_at": figure, "pid": figure}
        scratch_redis.hset(name, mapping={"info": json.dumps(info), **dict.fromkeys(fields, figure)})
        works = {f"{number}": json.dumps({"payload": json.dumps(delivery), "run_at": figure}) for number in range(3)}
        scratch_redis.hset(f"{name}:work", mapping=works)
    scratch_redis.set("stat:processed", figure)
    scratch_redis.set("stat:failed", figure)
    info, health = looking.info(scratch_redis), looking.health(scratch_redis)
    strict(info)
    strict(health)
    figures = [info["totals"][name] for name in ("busy", "threads")]
    assert all(abs(number) < 2**65 for number in figures)


def test_nesting_around_every_limit_of_ruby_and_of_the_interpreter(scratch_redis):
    depths = [*range(95, 103), *range(900, 1010, 3), *range(9960, 10_010, 3)]
    broken = 0
    for depth in depths:
        nested = b"[" * depth + b"]" * depth
        archive = b'{"class": "BackupWorker", "jid": "a%d", "args": [%s]}' % (depth, nested)
        mail = b'{"class": "%s", "wrapped": "ActionMailer::MailDeliveryJob", "args": [{"arguments": ["M", %s]}]}'
        tags = b'{"display_class": %s, "tags": %s, "error_backtrace": %s}' % (nested, nested, nested)
        scratch_redis.lpush("queue:pull", archive, mail % (WRAPPER.encode(), nested), tags)
        scratch_redis.zadd("retry", {archive: 1.0})
        scratch_redis.hset("host:1:a:work", b"%d" % depth, json.dumps({"payload": archive.decode(), "run_at": 1}))
        scratch_redis.hset("schedules", b"%d" % depth, nested)
        broken += (depth + 2 > 100) + (depth + 4 > 100) + (depth + 1 > 100)  # what stands around it counts
    scratch_redis.sadd("queues", "pull")
    scratch_redis.sadd("processes", "host:1:a")
    scratch_redis.hset(
        "host:1:a", mapping={"info": json.dumps({"hostname": "host", "pid": 1}), "beat": "1", "busy": "1"}
    )
    info, health = looking.info(scratch_redis), looking.health(scratch_redis, busy_limit=len(depths))
    strict(info)
    strict(health)
    assert (info["totals"]["enqueued"], info["totals"]["retry"]) == (3 * len(depths), len(depths))
    assert len(health["busy"]) == len(depths)
    (malformed,) = [finding for finding in health["findings"] if finding["id"] == "malformed_members"]
    assert malformed["evidence"]["places"]["pull"] == broken


def anything(text):
    """Any value that JSON can hold, with these texts."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=8,
    )


ANY = anything(st.text(st.characters(exclude_categories=())))
READABLE = anything(st.text())
"""Without halves of surrogates: a process whose own words Ruby cannot read is no process."""
PAYLOADS = st.dictionaries(st.sampled_from(FIELDS), ANY).map(
    lambda payload: {"class": "BackupWorker", **payload} if len(payload) % 2 else payload
)
INFOS = st.dictionaries(st.sampled_from(FIELDS), READABLE)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([{}], {"class": "BackupWorker"}, [], {"\ud800": None})
@given(st.lists(PAYLOADS, min_size=1, max_size=3), INFOS, st.lists(st.binary(max_size=40), max_size=3), ANY)
def test_anything_in_every_place(scratch_redis, payloads, info, raw, entry):
    scratch_redis.flushdb()
    members = {*(json.dumps(payload).encode() for payload in payloads), *raw}
    scratch_redis.sadd("queues", "pull", "push")
    for member in members:
        scratch_redis.lpush("queue:pull", member)
        for name in SETS.values():
            scratch_redis.zadd(name, {member: time.time()})
    scratch_redis.sadd("processes", "host:1:a", *raw)
    scratch_redis.hset(
        "host:1:a",
        mapping={"info": json.dumps({"hostname": "a", **info}), "beat": str(entry)[:99].encode("utf-8", "replace")},
    )
    works = [{"queue": entry, "payload": json.dumps(payload), "run_at": entry} for payload in payloads]
    for number, work in enumerate([*works, entry, {"payload": entry}]):
        scratch_redis.hset("host:1:a:work", f"{number}", json.dumps(work))
    scratch_redis.hset("schedules", "a", json.dumps(entry))
    seen, judged = looking.info(scratch_redis), looking.health(scratch_redis)
    strict(seen)
    strict(judged)
    sizes = [seen["totals"][name] for name in ("enqueued", *SETS)]
    assert sizes == [len(members)] * 4
    assert len(seen["busy"]) == len(works) + 2


def test_members_that_come_and_go_while_it_looks(scratch_redis):
    situations.trouble(scratch_redis, scale=0.002)
    for number, (raw, _is_job) in enumerate(odd_members.members(3, 300)):
        scratch_redis.lpush("queue:pull", raw)
        scratch_redis.rpoplpush("queue:pull", "queue:push")
        if number % 30 == 0:
            strict(looking.info(scratch_redis, heartbeat_timeout=0))
            strict(looking.health(scratch_redis, heartbeat_timeout=0))


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_other_seeds(scratch_redis, seed):
    broken = spread(scratch_redis, seed, 400)
    write_processes(scratch_redis, Odd(seed), 5)
    strict(looking.info(scratch_redis))
    judged = looking.health(scratch_redis)
    strict(judged)
    (malformed,) = [finding for finding in judged["findings"] if finding["id"] == "malformed_members"]
    assert malformed["evidence"]["places"] == {place: count for place, count in broken.items() if count}
