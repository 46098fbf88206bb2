# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules together: what they say of a sound instance, in which order, with which data, and what they never say."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.finding import SEVERITIES
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.judge import RULES, judge
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.survey import Export, Survey
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs import worker_classes
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit.unique_locks import Lock, LockReport

from .builders import (
    NAMES,
    NOW,
    UNIT,
    delivery,
    ghost,
    job,
    job_set,
    process,
    queue,
    recurring,
    server,
    view,
    work,
)

ROOT = pathlib.Path(__file__).resolve().parents[6]
ORPHAN = Lock("uniquejobs:1", {"a": NOW - 86400}, runtime=False, outlives=False)

# For each rule the least trouble that it finds.
TROUBLE: dict[str, dict[str, t.Any]] = {
    "wrong_types": {"wrong_types": (b"retry",)},
    "no_process": {"processes": ()},
    "all_quiet": {"processes": (process(quiet=True),)},
    "replica": {"server": server(role="slave")},
    "eviction": {"server": server(eviction_policy="allkeys-lru")},
    "memory": {"server": server(used_memory=9, maxmemory=10)},
    "persistence": {"server": server(rdb_enabled=False)},
    "too_old": {"server": server(compatible_version="6.2.0")},
    "scheduler_queue": {"processes": (process(), process("b:1:x", queues=("scheduler",)))},
    "queue_unserved": {"queues": (queue("mine", 1),)},
    "threads_held": {"processes": (process(concurrency=1),), "work": (work(job("BackupWorker"), 61.0),)},
    "domain_holds_threads": {"work": tuple(work(delivery("gone.example")) for _number in range(13))},
    "running_long": {"work": (work(elapsed=61.0),)},
    "due_not_moving": {"sets": {"retry": job_set("retry", 1, NOW - 61, 1)}},
    "recurring_overdue": {"schedule": (recurring("vacuum", 301.0),)},
    "queue_backlog": {"queues": (queue("push", 501),)},
    "export_retrying": {"survey": Survey(exports=[Export("retry", "[1]", job("BackupWorker"))])},
    "export_duplicated": {
        "survey": Survey(exports=[Export("queue", "[1]", job("BackupWorker")) for _number in range(2)])
    },
    "export_waiting": {"survey": Survey(exports=[Export("queue", "[1]", job("BackupWorker"), ahead=1001)])},
    "domain_fills_retry": {"survey": Survey(retry_read=50, retry_domains=Counter({"gone.example": 26}))},
    "ghosts": {"processes": (process(), ghost())},
    "late_heartbeat": {"processes": (process(beat_age=31.0),)},
    "memory of a process": {"processes": (process(rss_bytes=501 * 1024**2),)},
    "clocks": {"clock_offset": 6.0},
    "deaths": {"survey": Survey(deaths=11)},
    "orphaned_locks": {"survey": Survey(locks=LockReport((ORPHAN,), (ORPHAN,)))},
    "queue_paused": {"queues": (queue("push", 1, paused=True),)},
    "queue_unregistered": {"queues": (queue("push", 1, registered=False),)},
    "versions": {"processes": (process(), process("b:1:x", version="8.1.6", queues=("push",)))},
    "malformed": {"survey": Survey(malformed=Counter({"dead": 1}))},
    "unread": {"survey": Survey(unread={"push": 1})},
}


def test_a_sound_instance_has_no_finding():
    assert judge(view()) == []


def test_every_rule_has_its_trouble():
    assert len(TROUBLE) == len(RULES) == len(set(RULES))
    names = {rule.__name__ for rule in RULES}
    assert {name.split(" ")[0] for name in TROUBLE} == names


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_is_found_by_its_rule_alone(name):
    seen = view(**TROUBLE[name])
    ids = {finding.id for finding in judge(seen)}
    # "memory" is the name of two rules
    by_rule = {finding.id for rule in RULES if rule.__name__ == name.split(" ")[0] for finding in rule(seen)}
    assert len(ids) == 1
    assert ids == by_rule


@pytest.mark.parametrize("name", ["$(id)", "a b", "'; id #", '"; id "', "`id`", "{{ 1 + 1 }}", "\x1b[2J"])
def test_a_name_that_a_shell_or_ansible_would_read_is_in_no_command(name):
    """Who enqueues a job chooses the names of its queue and class; a process chooses its identity."""
    identity = f"{name}:1:c98a7640857b"
    hanging = {"beat_age": 45.0, "rss_bytes": 2 * 1024**3, "queues": (name,), "version": name}
    older, newer = (process(f"{name}:1:{nonce}", hostname=name, pid=1) for nonce in ("a", "b"))
    seen = view(
        Survey(
            queue_classes={name: Counter({name: 5000})},
            retry_errors=Counter({name: 90}),
            retry_read=100,
            deaths=40,
            death_causes=Counter({name: 40}),
            exports=[Export("queue", name, job("BackupWorker", [name], queue=name), ahead=20_000)],
            unread={name: 7},
        ),
        queues=(queue(name, 5000, 2400.0, paused=True, registered=False), queue(f"{name} 2", 5)),
        processes=(
            process(identity, **hanging),
            replace(older, alive=False, superseded=True),
            newer,
            ghost(f"{name}:7:0123456789ab"),
        ),
        work=tuple(work(job(name, queue=name), 7000.0, identity) for _number in range(25)),
        schedule=(recurring(name, 900.0),),
        wrong_types=(name.encode(),),
    )
    found = judge(seen)
    assert {"queue_paused", "heartbeat_late", "queue_unserved", "ghost_processes"} <= {finding.id for finding in found}
    assert not [finding.fix for finding in found if name in finding.fix]


def bad_night():
    stuck = [work(delivery("gone.example"), 700.0) for _number in range(25)]
    survey = Survey(
        queue_classes={"push": Counter({"ActivityPub::DeliveryWorker": 5000})},
        retry_domains=Counter({"gone.example": 90}),
        retry_errors=Counter({"HTTP::TimeoutError": 90}),
        retry_read=100,
        exports=[
            Export("queue", "[1]", job("BackupWorker", [1]), ahead=20_000),
            Export("retry", "[1]", job("BackupWorker", [1], retry_count=2), due_at=NOW + 5),
        ],
        deaths=40,
        death_causes=Counter({"LinkCrawlWorker: OpenSSL::SSL::SSLError": 40}),
        malformed=Counter({"dead": 1}),
        locks=LockReport((ORPHAN,), (ORPHAN,)),
        unread={"push": 7},
    )
    return view(
        survey,
        clock_offset=-60.0,
        queues=(*(queue(name) for name in NAMES if name != "push"), queue("push", 5000, 2400.0), queue("mine", 1, 1.0)),
        sets={"retry": job_set("retry", 100, NOW - 900, 7), "scheduled": job_set("scheduled", 3, NOW - 61, 1)},
        processes=(
            process(beat_age=45.0, rss_bytes=2 * 1024**3),
            process("b:1:x", version="7.3.9", concurrency=4),
            ghost(),
        ),
        work=tuple(stuck),
        schedule=(recurring("a", 900.0), recurring("b", 900.0)),
        server=server(eviction_policy="allkeys-lru", role="slave", used_memory=99, maxmemory=100),
    )


def test_a_bad_night_is_told_worst_first_and_causes_before_what_they_cause():
    found = judge(bad_night())
    assert [SEVERITIES.index(finding.severity) for finding in found] == sorted(
        SEVERITIES.index(finding.severity) for finding in found
    )
    told = [finding.id for finding in found]
    assert told[:4] == ["redis_replica", "redis_eviction", "redis_memory", "threads_all_held"]
    assert told.index("domain_holds_threads") < told.index("queue_late")
    assert len(told) > 20


def test_the_same_view_gives_the_same_findings():
    seen = bad_night()
    assert judge(seen) == judge(seen)


def plain(value):
    """Whether a value is made of JSON's own types alone, not of their subclasses."""
    kind = type(value)
    if kind in {dict}:
        return all(type(key) in {str} and plain(item) for key, item in value.items())
    return all(map(plain, value)) if kind in {list} else kind in {str, int, float, bool, type(None)}


@pytest.mark.parametrize("name", [*TROUBLE, "bad night"])
def test_findings_are_plain_data_that_names_figures_and_a_cure(name):
    for finding in judge(view(**TROUBLE[name]) if name in TROUBLE else bad_night()):
        assert plain(finding.evidence), finding
        json.dumps(finding.evidence, allow_nan=False).encode("utf-8")
        assert finding.severity in SEVERITIES
        assert finding.evidence
        assert finding.subject and finding.summary.endswith(".") and finding.fix


def test_cures_name_the_unit_that_was_given():
    named = [finding.id for finding in judge(bad_night()) if UNIT in finding.fix]
    assert {"heartbeat_late", "job_running_long", "scheduled_not_moving"} <= set(named)


@pytest.mark.parametrize(
    ("trouble", "fixed_by"),
    [
        ("all_quiet", "restart"),
        ("memory of a process", "restart"),
        ("versions", "restart"),
        ("running_long", "restart"),
        ("due_not_moving", "restart"),
        ("recurring_overdue", "restart"),
        ("scheduler_queue", "restart"),
        ("late_heartbeat", "sidekiq_process"),
        ("threads_held", "backlog_recovery"),
        ("queue_backlog", "backlog_recovery"),
        ("export_waiting", "export_rescue"),
        ("domain_holds_threads", "federation_rescue"),
    ],
)
def test_a_cure_names_what_loses_no_job(trouble, fixed_by):
    for finding in judge(view(**TROUBLE[trouble])):
        assert f" fediverse.mastodon.{fixed_by} " in finding.fix
        assert not re.search("systemctl restart (?!would lose)", finding.fix)


def test_what_cures_name_is_there():
    for finding in (*judge(bad_night()), *(found for seen in TROUBLE.values() for found in judge(view(**seen)))):
        for name in re.findall(r"fediverse\.mastodon\.(\w+)", finding.fix):
            homes = (ROOT / "playbooks" / f"{name}.yml", ROOT / "plugins" / "modules" / f"{name}.py")
            assert any(home.exists() for home in homes), name


SECRET = "s3cret-\N{SNOWMAN}-post"
HOSTED = {
    "url": st.sampled_from([f"https://user:{SECRET}@gone.example/{SECRET}?{SECRET}#{SECRET}", SECRET, f"@{SECRET}"]),
    "domain": st.just("gone.example"),
    "account": st.just(f"{SECRET}@gone.example"),
    "activity": st.sampled_from(
        [
            json.dumps({"actor": f"https://gone.example/{SECRET}", "content": SECRET, SECRET: SECRET}),
            json.dumps({"id": f"https://gone.example/{SECRET}", "actor": SECRET}),
            json.dumps({"actor": {"id": SECRET}, "id": SECRET}),
            SECRET,
        ]
    ),
}
ANYTHING = st.recursive(
    st.just(SECRET) | st.integers() | st.none() | st.text().map(lambda text: text + SECRET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(SECRET) | st.just("arguments"), inner),
    max_leaves=5,
)
CLASSES = [*worker_classes._DOMAIN, worker_classes.BACKUP_WORKER, "FeedInsertWorker", "LinkCrawlWorker"]


@st.composite
def secret_jobs(draw):
    name = draw(st.sampled_from(CLASSES))
    args = draw(st.lists(ANYTHING, min_size=4, max_size=5))
    kind, index = worker_classes._DOMAIN.get(name, ("", None))
    if index is not None:
        args[index] = draw(HOSTED[kind])
    hidden = {"error_message": SECRET, "error_backtrace": [SECRET], "tags": [SECRET], SECRET: SECRET}
    return job(name, args, retry_count=draw(st.integers(0, 20)), error_class="RuntimeError", **hidden)


def survey_of(found):
    """What a survey keeps of jobs in every place."""
    domains = Counter(filter(None, map(worker_classes.remote_domain, found)))
    names = Counter(entry.display_class for entry in found)
    archives = [entry for entry in found if entry.display_class == worker_classes.BACKUP_WORKER]
    return Survey(
        queue_classes=dict.fromkeys(NAMES, names),
        retry_domains=Counter(dict.fromkeys(domains, 100)),
        retry_errors=Counter(entry.error_class for entry in found),
        retry_read=100,
        exports=[
            Export(place, repr(entry.args), entry, 2000, NOW)
            for entry in archives
            for place in ("queue", "retry", "scheduled", "running")
        ],
        deaths=len(found) + 10,
        death_causes=Counter(f"{entry.display_class}: {entry.error_class}" for entry in found),
    )


@given(st.lists(secret_jobs(), min_size=1, max_size=8))
def test_no_argument_and_no_error_message_is_ever_told(found):
    running = tuple(work(entry, 30_000.0) for entry in found)
    seen = view(
        survey_of(found),
        processes=(process(concurrency=len(found)), ghost()),
        work=(*running, *(work(entry, identity=ghost().identity) for entry in found)),
        queues=tuple(queue(name, 5000, 9000.0, next_job=found[0]) for name in NAMES),
    )
    told = judge(seen)
    assert {"job_running_long", "threads_all_held", "queue_late", "ghost_processes", "deaths_recent"} <= {
        finding.id for finding in told
    }
    for finding in told:
        said = repr(finding) + json.dumps(finding.evidence)
        assert SECRET not in said and json.dumps(SECRET)[1:-1] not in said
