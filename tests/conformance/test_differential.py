# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same state twice and the same intent: carried out by Sidekiq's own Ruby API there and by our modules here. The same end.

States and intents are drawn by chance, each from its name, so a case that failed once fails again. What differs on
purpose is left out of the draw and stands in a test that is named after the difference.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import pathlib
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import Live
from ansible_collections.fediverse.mastodon.tests.redis.intents import (
    State,
    changed,
    check_same,
    differ,
    edit,
    intent_options,
    without_ours,
)
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

TIMES = 3
KINDS = [
    *(
        ("delete", where, match)
        for where in ("queue", "set")
        for match in ("jid", "class", "display_class", "args", "arg_url_host", "malformed", "nothing")
    ),
    *(("clear", where, "all") for where in ("queue", "set")),
    *((op, "set", match) for op in ("kill", "retry_now", "enqueue_now", "reschedule") for match in ("jid", "class", "all")),
]  # fmt: skip
"""An operation, where, and by what the jobs are named."""
PLACES = {
    "delete": ("retry", "schedule", "dead"),
    "clear": ("retry", "schedule", "dead"),
    "kill": ("retry", "schedule"),
    "retry_now": ("retry", "dead"),
    "enqueue_now": ("schedule",),
    "reschedule": ("retry", "schedule"),
}
CLOCK = 1795331200.0
SETS = ("retry", "schedule", "dead")
WRAPPER = "ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper"
HOSTS = ("gone.example", "slow.example", "notgone.example", "xn--mnchen-3ya.example")
TEXTS = ("Grüße 😀", "日本", 'a "quoted" \\ word', "tab\tand\nline", "</script>", "\u2028", "\x7f", "plain")
CLASSES = {
    "ActivityPub::DeliveryWorker": "push",
    "ActivityPub::LowPriorityDeliveryWorker": "pull",
    "BackupWorker": "pull",
    "DistributionWorker": "default",
    "Über::Wörker": "größer",
}


@pytest.fixture
def here(live: Live) -> Iterator[redis.Redis]:
    """Another database of the same Redis."""
    with redis.Redis.from_url(f"{live.url.rpartition('/')[0]}/1") as client:
        yield client
        client.flushdb()


@dataclasses.dataclass
class Case:
    """A drawn state, and what is wanted."""

    state: State
    intent: dict[str, Any]
    clock: float


@pytest.mark.parametrize("number", range(TIMES))
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_the_same_end(
    kind: tuple[str, str, str], number: int, live: Live, here: redis.Redis, tmp_path: pathlib.Path
) -> None:
    case = draw(kind, number, live.release.version)
    theirs, count = by_ruby(live, case)
    result, ours = by_us(here, case, tmp_path)
    op, where, match = kind
    assert (result["edited"] == 0) == (match == "nothing")
    if op != "clear":
        assert result["edited"] == count
    if op == "clear" and where == "queue":  # see test_edit_vectors.py: it stays registered
        theirs = changed(theirs, queues=case.state["queues"])
    if op in ("retry_now", "enqueue_now"):
        check_order(ours, case)
        ours, theirs = (sorted_by_jid(state, case.state) for state in (ours, theirs))
    check_same(ours, theirs, case.state)


def test_differs_from_ruby_a_job_that_is_run_again_gets_its_try_back(
    live: Live, here: redis.Redis, tmp_path: pathlib.Path
) -> None:
    """Ruby's add_to_queue leaves the count: a dead job, whose tries are used up, would die again at its next failure."""
    for place in ("retry", "dead"):
        job = make_job(random.Random(1), "BackupWorker", place, "a" * 24)
        job["retry_count"] = 4
        state: State = {place: {"type": "zset", "ttl_ms": None, "value": [[pack(job), CLOCK - 5.5]]}}
        case = Case(state, {"op": "enqueue_now", "where": place, "match": {"jid": job["jid"]}}, CLOCK)
        theirs, _count = by_ruby(live, case)
        _result, ours = by_us(here, case, tmp_path)
        [pushed] = theirs["queue:pull"]["value"]
        assert json.loads(pushed)["retry_count"] == 4
        wanted = pack({**json.loads(pushed), "retry_count": 3})
        assert differ(ours, theirs, state)
        check_same(ours, changed(theirs, **{"queue:pull": {"value": [wanted]}}), state)


def test_differs_from_ruby_the_next_to_run_stays_the_next_to_run(
    live: Live, here: redis.Redis, tmp_path: pathlib.Path
) -> None:
    """Both releases go from the highest score down, so that the job that waited longest would come last."""
    rows = [[pack(make_job(random.Random(n), "BackupWorker", "retry", f"{n:024x}")), CLOCK + n] for n in range(5)]
    case = Case(
        {"retry": {"type": "zset", "ttl_ms": None, "value": rows}}, {"op": "retry_now", "where": "retry"}, CLOCK
    )
    theirs, _count = by_ruby(live, case)
    _result, ours = by_us(here, case, tmp_path)
    [there, ours_] = [[json.loads(raw)["jid"] for raw in state["queue:pull"]["value"]] for state in (theirs, ours)]
    assert there == ours_[::-1]
    assert ours_[-1] == f"{0:024x}", "the tail runs next"


def test_differs_from_ruby_a_payload_gets_no_defaults(live: Live, here: redis.Redis, tmp_path: pathlib.Path) -> None:
    """Ruby writes the defaults of a class that its process does not know. Without a count the class itself decides when it runs."""
    job = make_job(random.Random(1), "BackupWorker", "retry", "a" * 24)
    del job["retry"]
    state: State = {"retry": {"type": "zset", "ttl_ms": None, "value": [[pack(job), CLOCK]]}}
    case = Case(state, {"op": "retry_now", "where": "retry", "match": {"jid": job["jid"]}}, CLOCK)
    theirs, _count = by_ruby(live, case)
    _result, ours = by_us(here, case, tmp_path)
    pushed = json.loads(theirs["queue:pull"]["value"][0])
    assert pushed.pop("retry") is True
    assert differ(ours, theirs, state)
    check_same(ours, changed(theirs, **{"queue:pull": {"value": [pack(pushed)]}}), state)


def test_differs_from_ruby_a_dead_job_that_is_rescheduled_will_run(
    live: Live, here: redis.Redis, tmp_path: pathlib.Path
) -> None:
    """Ruby changes the time of its death."""
    raw = pack(make_job(random.Random(1), "BackupWorker", "dead", "a" * 24))
    state: State = {"dead": {"type": "zset", "ttl_ms": None, "value": [[raw, CLOCK - 9]]}}
    case = Case(state, {"op": "reschedule", "where": "dead", "match": {"jid": "a" * 24}, "at": CLOCK + 600}, CLOCK)
    theirs, _count = by_ruby(live, case)
    assert theirs["dead"]["value"] == [[raw, CLOCK + 600]]
    _result, ours = by_us(here, case, tmp_path)
    check_same(ours, {"schedule": {"type": "zset", "ttl_ms": None, "value": [[raw, CLOCK + 600]]}}, state)


def odd(args: str = "[1]", more: str = "") -> bytes:
    job = f'{{"class":"BackupWorker","args":{args},"queue":"pull","jid":"{"a" * 24}","retry":5{more}}}'
    return job.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    "raw",
    [
        odd("[123456789012345678901234567890,1.5e300,-0.0,0.1,1E5]"),
        odd(r'["\ud83d\ude00 \u0000 \/ \u2028 \b\f\n\r\t \u001f"]'),
        odd('["\x7f \u2028 </script>"]'),
        odd('[{"a":{"b":[[[]]]}},null,true,"",{"":0}]'),
        odd(more=',"jid":"' + "a" * 24 + '","retry_count":0,"retry_count":3'),
        odd(more=',"created_at":null,"retry_count":null,"bid":null,"tags":[]') + b" \n",
        odd(more=',"display_class":5,"wrapped":[],"encrypt":true,"pool":"x"'),
    ],
    ids=["numbers", "escapes", "rare characters", "nested", "a key twice", "null", "wrong types"],
)
def test_odd_payloads_are_run_as_ruby_runs_them(
    raw: bytes, live: Live, here: redis.Redis, tmp_path: pathlib.Path
) -> None:
    answer = run_odd(raw, live, here, tmp_path)
    assert answer == 1
    [[there], [ours]] = [client.lrange("queue:pull", 0, -1) for client in (live.client, here)]
    assert json.loads(ours) == json.loads(there)


@pytest.mark.parametrize(
    "raw",
    [
        odd('["\udcff\udcfe"]'),
        odd("[1e400,-1E999,[1e400]]"),
        odd(r'["\udc80","\udcff ü"]'),
        odd("[]", more=',"retry_count":"2"'),
        odd("[]", more=',"tags":"x"'),
    ],
    ids=["not UTF-8", "numbers too large", "half a pair", "a count that is none", "tags that are none"],
)
def test_differs_from_ruby_what_it_cannot_push_is_not_lost(
    raw: bytes, live: Live, here: redis.Redis, tmp_path: pathlib.Path
) -> None:
    """Ruby takes the job out first and finds then that it cannot write it, or may not push it."""
    answer = run_odd(raw, live, here, tmp_path)
    assert "Error" in answer
    assert not live.client.keys("*")
    ours: Any = here.lindex("queue:pull", 0)
    assert readable(ours) == readable(raw)


def readable(raw: bytes) -> dict[str, Any]:
    """What a payload says but for its times; bytes that are no UTF-8 stay apart from escapes of half a pair."""
    try:
        job = json.loads(raw.decode("utf-8"), parse_constant=int)
    except UnicodeDecodeError:
        job = json.loads(raw.decode("latin-1"), parse_constant=int)
    return {name: value for name, value in job.items() if name not in ("created_at", "enqueued_at")}


def run_odd(raw: bytes, live: Live, here: redis.Redis, directory: pathlib.Path) -> Any:
    """Run a job of the retry set on both sides; what Ruby said."""
    for client in (live.client, here):
        client.flushdb()
        client.zadd("retry", {raw: CLOCK})
    try:
        answer = live.judge.ask("retry_now", clock=CLOCK, where="retry", match={"jid": "a" * 24})
    except AssertionError as refused:
        answer = str(refused)
    result = edit(here, directory, CLOCK, {"state": "enqueued", "jids": ["a" * 24], "sets": ["retry"]})
    assert result["edited"] == 1
    return answer


# --- doing it -----------------------------------------------------------------------------------------------------------------


def by_ruby(live: Live, case: Case) -> tuple[State, Any]:
    load_vector.load(live.client, case.state, flush=True)
    details = {name: value for name, value in case.intent.items() if name != "op"}
    count = live.judge.ask(case.intent["op"], clock=case.clock, **details)
    return load_vector.dump(live.client), count


def by_us(client: redis.Redis, case: Case, directory: pathlib.Path) -> tuple[dict[str, Any], State]:
    load_vector.load(client, case.state, flush=True)
    result = edit(client, directory, case.clock, intent_options(case.intent))
    return result, without_ours(load_vector.dump(client))


def check_order(ours: State, case: Case) -> None:
    """What was pushed stands at the head of its queue, with the lowest score (then bytes) nearest to the tail."""
    rows = sorted((score, raw.encode()) for raw, score in case.state[case.intent["where"]]["value"])
    ranks = {json.loads(raw)["jid"]: rank for rank, (_score, raw) in enumerate(rows)}
    for key in [key for key in ours if key.startswith("queue:")]:
        old = case.state.get(key, {"value": []})["value"]
        size = len(ours[key]["value"]) - len(old)
        assert ours[key]["value"][size:] == old
        pushed = [ranks[json.loads(raw)["jid"]] for raw in ours[key]["value"][:size]]
        assert pushed == sorted(pushed, reverse=True)


def sorted_by_jid(state: State, before: State) -> State:
    """With the members that were pushed in an order of their own."""
    result = copy.deepcopy(state)
    for key in [key for key in result if key.startswith("queue:")]:
        size = len(result[key]["value"]) - len(before.get(key, {"value": []})["value"])
        value = result[key]["value"]
        value[:size] = sorted(value[:size], key=lambda raw: str(json.loads(raw)["jid"]))
    return result


# --- drawing ------------------------------------------------------------------------------------------------------------------


def draw(kind: tuple[str, str, str], number: int, version: str) -> Case:
    """A case of this kind, the same for the same number."""
    op, where, match = kind
    chance = random.Random(f"{kind} {number} {version}")
    clock = CLOCK + chance.random() * 1000
    while True:  # until the state has a job that can be named so
        state = draw_state(chance, version, clock, plain=op == "reschedule", sound=op not in ("delete", "clear"))
        intent: dict[str, Any] = {"op": op, "where": where if where == "queue" else chance.choice(PLACES[op])}
        if where == "queue":
            intent["queue"] = chance.choice([key[6:] for key in state if key.startswith("queue:")])
        if op == "reschedule":
            intent["at"] = round(clock + chance.uniform(60, 90000), 3)
        if op != "clear":
            intent["match"] = draw_match(chance, state, intent, match)
        if intent.get("match") != {} or match == "all":
            return Case(state, intent, clock)


def draw_match(chance: random.Random, state: State, intent: dict[str, Any], match: str) -> dict[str, Any]:
    """Conditions of this kind that a job in the place fulfils; none if there is no such job."""
    where = intent["where"]
    value = state[f"queue:{intent['queue']}" if where == "queue" else where]["value"]
    members = value if where == "queue" else [row[0] for row in value]
    jobs = [json.loads(raw) for raw in members if raw[-1] == "}"]
    mails = [job for job in jobs if "wrapped" in job]
    others = [job for job in jobs if "wrapped" not in job]
    deliveries = [job for job in others if job["class"] == "ActivityPub::DeliveryWorker"]
    if match == "nothing":
        return {"jid": "f" * 24}
    if match == "malformed":
        return {"malformed": True} if len(jobs) < len(members) else {}
    if match == "jid" and jobs:
        return {"jid": chance.choice(jobs)["jid"]}
    if match == "display_class" and mails:
        return {"display_class": "#".join(chance.choice(mails)["args"][0]["arguments"][:2])}
    if match == "class" and others:
        return {"class": chance.choice(others)["class"]}
    if match == "args" and others:
        job = chance.choice(others)
        return {"class": job["class"], "args": job["args"]}
    if match == "arg_url_host" and deliveries:
        job = chance.choice(deliveries)
        return {"class": job["class"], "arg_url_host": {"index": 2, "host": urlsplit(job["args"][2]).hostname}}
    return {}


def draw_state(chance: random.Random, version: str, clock: float, plain: bool, sound: bool) -> State:
    """Queues and sets with jobs of all kinds. `plain`: written as Ruby would; `sound`: without malformed members."""
    state: State = {
        "stat:processed": {"type": "string", "value": "12345"},
        "j|20261122|7:6": {"type": "hash", "value": {"BackupWorker|p": "3"}},
        "BackupWorker-22-07:06": {"type": "string", "value": {"b64": "/wA="}},
    }
    milliseconds = version >= "7" and chance.random() < 0.5
    if milliseconds or chance.random() < 0.3:  # a process says which unit is read
        state |= process(version)
    serial = iter(range(10_000))
    for queue in chance.sample(sorted(set(CLASSES.values())), chance.randint(1, 4)):
        size = chance.choice((1, 3, 20, 130))
        state[f"queue:{queue}"] = {
            "type": "list",
            "value": [
                member(chance, queue, next(serial), clock, milliseconds, plain, sound) for _number in range(size)
            ],
        }
    state["queues"] = {"type": "set", "value": sorted(key[6:] for key in state if key.startswith("queue:"))}
    for name in SETS:
        size = chance.choice((1, 2, 10, 60))
        scores = [clock + chance.choice((-1, 1)) * chance.uniform(1, 80_000) for _number in range(max(1, size // 3))]
        state[name] = {
            "type": "zset",
            "value": [
                [member(chance, name, next(serial), clock, milliseconds, plain, sound), chance.choice(scores)]
                for _number in range(size)
            ],
        }
    return {key: {"ttl_ms": None, **entry} for key, entry in state.items()}


def process(version: str) -> State:
    identity = "worker-1:7:abcdefabcdef"
    info = {"hostname": "worker-1", "started_at": CLOCK, "pid": 7, "tag": "", "concurrency": 5, "queues": ["pull"]}
    info.update(labels=[], identity=identity, **({"version": version} if version >= "7" else {}))
    beat = {"info": json.dumps(info), "busy": "0", "beat": str(CLOCK), "quiet": "false", "rss": "9", "rtt_us": "7"}
    return {
        "processes": {"type": "set", "value": [identity]},
        identity: {"type": "hash", "value": beat},
    }


def member(
    chance: random.Random, place: str, serial: int, clock: float, milliseconds: bool, plain: bool, sound: bool
) -> str:
    if not sound and chance.random() < 0.04:
        return f'{{"class":"BackupWorker","args":[{serial}'
    worker = chance.choice([name for name, queue in CLASSES.items() if queue == place] or list(CLASSES))
    job = make_job(chance, worker, place, f"{serial:012x}{chance.getrandbits(48):012x}", clock, milliseconds)
    style = 0 if plain else chance.randrange(4)
    if style == 1:
        return json.dumps(job, ensure_ascii=False)
    if style == 2:
        return json.dumps(job)
    return pack(job)


def make_job(
    chance: random.Random, worker: str, place: str, jid: str, clock: float = CLOCK, milliseconds: bool = False
) -> dict[str, Any]:
    def moment() -> float:
        seconds = clock - chance.uniform(1, 100_000)
        return int(seconds * 1000) if milliseconds and chance.random() < 0.7 else seconds

    args: list[Any] = [chance.randrange(20)]
    if "Delivery" in worker:
        args = [json.dumps({"id": chance.choice(TEXTS)}), 101, f"https://{chance.choice(HOSTS)}/inbox", {}]
    elif chance.random() < 0.3:
        args.append(chance.choice([*TEXTS, None, {"class": "BackupWorker", "jid": jid}, [1, [2.5, {}]]]))
    job: dict[str, Any] = {
        "retry": chance.choice((True, 5, 16)),
        "queue": CLASSES[worker],
        "class": worker,
        "args": args,
    }
    if chance.random() < 0.15:
        mail = ["UserMailer", chance.choice(("welcome", "warning")), "deliver_now", {"args": [{"_aj_globalid": "gid"}]}]
        job.update({"class": WRAPPER, "wrapped": "ActionMailer::MailDeliveryJob"})
        job["args"] = [{"job_class": "ActionMailer::MailDeliveryJob", "arguments": mail}]
    job.update(jid=jid, created_at=moment())
    if place != "schedule":
        job["enqueued_at"] = moment()
    if place in ("retry", "dead"):
        job.update(error_message=chance.choice(TEXTS), error_class="RuntimeError", failed_at=moment(), dead=False)
        if chance.random() < 0.9:
            job["retry_count"] = chance.randrange(8)
    if chance.random() < 0.1:
        job["tags"] = ["bulk", "über"]
    return job


def pack(job: dict[str, Any]) -> str:
    return json.dumps(job, ensure_ascii=False, separators=(",", ":"))
