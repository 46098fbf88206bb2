# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule fits the terminal, says what becomes of each archive, and leaves no host out."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.fediverse.mastodon.plugins.filter.export_schedule import FilterModule, export_schedule

STATES = ("waiting", "scheduled", "running", "retrying", "duplicated", "orphaned")
NOW = 1795331156.0
GIB = 1024**3


def export(state="waiting", number=22, **fields):
    found = {
        "backup_id": number,
        "user_id": 7,
        "account": "alice",
        "state": state,
        "certain": True,
        "duplicate_of": None,
    }
    found |= {
        "age": 7200.0,
        "estimate": None,
        "jid": "j",
        "queue": "pull",
        "ahead": 7,
        "process": None,
        "elapsed": None,
    }
    found |= {"beat_age": None, "attempts": 0, "error_class": None, "next_try_at": None, "next_try_epoch": None}
    return {**found, "jids": ["j"], "surplus_jids": [], "media_bytes": None, "bytes": None, **fields}


def disk(free):
    return {"path": "/tmp", "free_bytes": free, "total_bytes": None, "free_inodes": None}


def seen(*exports, **fields):
    """A registered result of export_info."""
    return {
        "server": "127.0.0.1:6379 db 0",
        "taken_at": "2026-11-22T07:05:56Z",
        "taken_epoch": NOW,
        "database": True,
        "database_reason": None,
        "unknown": [],
        "total": len(exports),
        "totals": {state: sum(one["state"] == state for one in exports) for state in STATES},
        "exports": list(exports),
        "needless_jobs": [],
        "silent_processes": [],
        "completed": {"count": 12, "bytes": 9 * GIB},
        "queues": [],
        "space": {"build": disk(20 * GIB), "keep": disk(None)},
        **fields,
    }


def schedule(*exports, **fields):
    return export_schedule({"social.example": seen(*exports, **fields)})


def test_nobody_waits():
    lines = schedule().splitlines()
    assert lines[0].endswith(" nobody waits for an archive") and len(lines[0]) == 79
    assert lines[3] == "finished 12 (9.0 GiB)"
    assert lines[4:] == ["20.0 GiB free to build them (/tmp)"]


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (export(estimate=812.0), "waiting     alice          22    2.0 h  7 ahead in pull, about 14 min"),
        (export(), "7 ahead in pull"),
        (
            export("running", process="web1:42:abc", elapsed=61.0, beat_age=3.0),
            "running     alice          22    2.0 h  for 61 s in web1:42:abc",
        ),
        (export("running", process="web1:42:abc", elapsed=61.0, beat_age=45.0), "in web1:42:abc (silent for 45 s)"),
        (export("running", process="web1:42:abc"), "in web1:42:abc (no heartbeat)"),
        (export("scheduled", next_try_epoch=NOW + 7200, next_try_at="2026-11-22T09:05:56Z"), "in 2.0 h (09:05Z)"),
        (
            export(
                "retrying",
                attempts=2,
                error_class="Errno::ENOSPC",
                next_try_epoch=NOW - 1,
                next_try_at="2026-11-22T09:05:56Z",
            ),
            "failed 2 times, Errno::ENOSPC; again due (09:05Z)",
        ),
        (export("duplicated", jids=["a", "b"]), "2 jobs build it"),
        (export("duplicated", duplicate_of=9), "1 job; the same user gets 9 first"),
        (export("orphaned", jids=[]), "no job: its process was killed"),
        (export("orphaned", jids=[], certain=False), "no job seen, but a process is silent"),
        (export("orphaned", jids=[], duplicate_of=9), "no job; the same user gets 9 first"),
        (export("finished", bytes=GIB), "1.0 GiB"),
        (export("gone", account=None, age=None), "gone        ?              22        ?"),
    ],
)
def test_what_becomes_of_an_archive(one, line):
    assert line in export_schedule({"social.example": seen(one)}, width=100)


def test_what_is_wrong_is_said():
    report = schedule(
        export("orphaned", jids=[]),
        export(surplus_jids=["x"], media_bytes=20 * GIB),
        needless_jobs=[{}],
        silent_processes=["web1:42:abc"],
        queues=[
            {"name": "pull", "rate": 0, "processes": ["a"], "quiet": []},
            {"name": "slow", "rate": 1, "processes": ["a"], "quiet": ["a"]},
        ],
    )
    flat = " ".join(report.split())
    for word in (
        '"state=enqueued all=true" --check --diff',
        "1 job could go without a loss",
        "1 jobs are for archives that are finished or gone",
        "Silent: web1:42:abc",
        "pull did not move",
        "No process takes jobs from slow",
        "Not enough room to build the largest of them: about 26.0 GiB needed, 20.0 GiB free at /tmp",
    ):
        assert word in flat
    assert "1 orphaned" in report.splitlines()[0]


def test_without_the_database_it_says_what_it_cannot_know():
    report = schedule(
        export(account=None),
        database=False,
        database_reason="no psql",
        unknown=["a", "b"],
        completed={"count": None, "bytes": None},
    )
    assert "Without the database (no psql) nobody can know a; b." in report
    assert "finished" not in report


def test_hosts_with_trouble_come_first_and_none_is_left_out():
    report = export_schedule(
        {
            "a.example": seen(),
            "b.example": {"unreachable": True, "msg": "no route"},
            "c.example": seen(export("orphaned", jids=[])),
            "d.example": {"msg": "refused"},
        }
    )
    titles = [line.split()[1] for line in report.splitlines() if line.startswith("== ")]
    assert titles == ["c.example", "b.example", "d.example", "a.example"]
    assert "unreachable\n  no route" in report and "could not be read\n  refused" in report


def test_lines_fit_whatever_the_names_are():
    wild = export(account="a\x1b[31m" * 40, queue="q" * 200, error_class="E" * 300)
    for width in (60, 79, 120):
        report = export_schedule({"h" * 200: seen(*[wild] * 5)}, width=width)
        assert max(map(len, report.splitlines())) <= width and "\x1b" not in report


def test_more_than_the_limit_are_counted():
    report = export_schedule({"a": seen(*[export(number=n) for n in range(9)])}, limit=4)
    assert "... and 5 more" in report


def test_it_wants_a_dictionary():
    assert FilterModule().filters()["export_schedule"] is export_schedule
    with pytest.raises(AnsibleFilterError, match="dictionary"):
        export_schedule([])
