# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report fits the terminal, whatever the names in it are, and nobody is left out."""

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.filter.health_report import FilterModule, health_report

IDENTITY = "worker-1.example:1856:c98a7640857b"


def queue(name, size=0, latency=0.0, **fields):
    found = {"name": name, "size": size, "latency": latency, "processes": [IDENTITY], "paused": False}
    return {**found, "registered": True, **fields}


def running(elapsed=72.4, **fields):
    return {"class": "BackupWorker", "jid": "7315dc4675986a31ef9294ab", "domain": None, "elapsed": elapsed, **fields}


def finding(severity="warning", name="queue_late", subject="queue push", summary="It is late.", fix="Hurry."):
    return {"id": name, "severity": severity, "subject": subject, "summary": summary, "fix": fix, "evidence": {}}


def health(*findings, **fields):
    """A registered result of sidekiq_health_info."""
    severities = ("critical", "warning", "notice")
    counts = {severity: sum(found["severity"] == severity for found in findings) for severity in severities}
    return {
        "changed": False,
        "failed": False,
        "server": "127.0.0.1:6379 db 0",
        "taken_at": "2026-11-22T07:05:56Z",
        "findings": list(findings),
        "counts": counts,
        "worst": next((severity for severity in severities if counts[severity]), "none"),
        "totals": {
            "processed": 1283301,
            "failed": 20114,
            "enqueued": 18,
            "retry": 9,
            "scheduled": 5,
            "dead": 4,
            "processes": 3,
            "ghosts": 1,
            "busy": 2,
            "threads": 25,
        },
        "queues": [queue("default"), queue("push", 12, 41.4)],
        "busy": [running()],
        "redis": {"product": "redis", "version": "7.0.15", "used_memory": 104857600},
        **fields,
    }


UNREACHABLE = {"unreachable": True, "changed": False, "msg": "Failed to connect to the host via ssh"}
FAILED = {"failed": True, "changed": False, "msg": "Redis at 127.0.0.1:6379 cannot be reached"}


def order(report):
    """The names of the hosts in the order in which they come."""
    return re.findall(r"^== (\S+) ", report, re.MULTILINE)


def test_a_sound_host():
    report = health_report({"social.example": health()})
    assert report.splitlines()[0] == "== social.example ==================================================== all well"
    assert "redis 7.0.15 at 127.0.0.1:6379 db 0, 100 MiB used; 2026-11-22T07:05:56Z" in report
    assert "3 processes (1 dead), 2 of 25 threads busy" in report
    assert re.search(r"enqueued 18 +retry 9 +scheduled 5 +dead 4 +processed 1,283,301 +failed 20,114", report)
    assert re.search(r"^push +12 +41 s +1 process$", report, re.MULTILINE)
    assert re.search(r"^ +72 s +BackupWorker +7315dc4675986a31ef9294ab$", report, re.MULTILINE)
    assert report.endswith("Nothing is wrong.")


def test_findings_with_their_cures():
    late = finding("critical", summary="It is very late.", fix="systemctl start mastodon-sidekiq")
    report = health_report({"social.example": health(late, finding("notice", "versions_mixed", "processes"))})
    assert report.splitlines()[0].endswith(" 1 critical, 1 notice")
    assert "CRITICAL [queue_late]" in report
    assert "queue push: It is very late." in report
    assert "-> systemctl start mastodon-sidekiq" in report
    assert report.index("CRITICAL") < report.index("NOTICE")
    assert "Nothing is wrong" not in report


def test_the_worst_host_comes_first():
    hosts = {
        "sound": health(),
        "noticed": health(finding("notice")),
        "unreachable": UNREACHABLE,
        "critical-b": health(finding("critical")),
        "warned": health(finding("warning")),
        "failed": FAILED,
        "critical-a": health(finding("critical"), finding("warning")),
    }
    expected = ["critical-a", "critical-b", "failed", "unreachable", "warned", "noticed", "sound"]
    assert order(health_report(hosts)) == expected
    assert order(health_report(dict(reversed(hosts.items())))) == expected


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (UNREACHABLE, ["unreachable", "Failed to connect to the host via ssh"]),
        (FAILED, ["could not be read", "cannot be reached"]),
        ({"msg": "no module result"}, ["could not be read", "no module result"]),
        ({}, ["could not be read", "no result"]),
        (None, ["could not be read", "no result"]),
        ("text", ["could not be read", "no result"]),
    ],
)
def test_a_host_that_was_not_read_is_listed_with_the_reason(result, words):
    report = health_report({"lost.example": result, "social.example": health()})
    assert order(report) == ["lost.example", "social.example"]
    for word in words:
        assert word in report.split("== social.example", maxsplit=1)[0]


def test_queues_that_need_a_look_come_first_and_few_are_shown():
    queues = [queue(f"queue-{number:02}", number) for number in range(20)] + [queue("late", 1, 99.0)]
    queues.append(queue("lost", 0, 7.0, processes=[], paused=True, registered=False))
    report = health_report({"social.example": health(queues=queues)})
    shown = re.findall(r"^(late|lost|queue-\d+) ", report, re.MULTILINE)
    assert shown == ["late", "lost", *(f"queue-{number:02}" for number in range(19, 9, -1))]
    assert "... and 10 more queues" in report
    assert re.search(r"^lost .*NOBODY, paused, unregistered$", report, re.MULTILINE)


def test_nothing_there():
    report = health_report({"social.example": health(queues=[], busy=[], redis={})})
    assert "No queues." in report
    assert "RUNNING" not in report
    assert health_report({}) == ""


def test_the_longest_run_are_shown():
    busy = [running(float(1000 - number), jid=f"jid-{number}") for number in range(9)]
    report = health_report({"social.example": health(busy=[running(None, jid=None, domain="gone.example"), *busy])})
    assert re.search(r"^ +\? +BackupWorker \(gone.example\) +\?$", report, re.MULTILINE)
    assert "jid-3" in report and "jid-4" not in report


@pytest.mark.parametrize("width", [-5, 0, 40, 79, 120])
def test_long_names_do_not_break_the_width(width):
    name = "x" * 200
    long = health(
        finding("critical", name, f"queue {name}", f"{name} {name}", f"-q {name}"),
        server=name,
        queues=[queue(name, 10**14, 1e9, processes=[IDENTITY] * 1000, paused=True, registered=False), queue("b")],
        busy=[running(1e9, jid=name, domain=name, **{"class": name}), running(1.0, jid="é" * 60)],
        redis={"product": name, "version": name, "used_memory": 10**18},
        totals=dict.fromkeys(health()["totals"], 10**15),
    )
    report = health_report({name: long, "y" * 75: UNREACHABLE, "z" * 60: FAILED}, width=width)
    assert max(map(len, report.splitlines())) <= max(width, 40)


TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
COUNT = st.integers(0, 10**15)
AGE = st.floats(0, 1e12)
RESULTS = st.builds(
    health,
    st.builds(finding, st.sampled_from(["critical", "warning", "notice"]), TEXT, TEXT, TEXT, TEXT),
    server=TEXT,
    queues=st.lists(st.builds(queue, TEXT, COUNT, AGE, paused=st.booleans(), registered=st.booleans()), max_size=15),
    busy=st.lists(
        st.builds(
            lambda name, jid, domain, age: running(age, jid=jid, domain=domain, **{"class": name}),
            TEXT,
            TEXT,
            TEXT,
            st.none() | AGE,
        ),
        max_size=6,
    ),
    redis=st.fixed_dictionaries({"product": TEXT, "version": TEXT, "used_memory": st.none() | COUNT}),
)
NOT_READ = st.none() | st.fixed_dictionaries({"msg": TEXT, "unreachable": st.booleans()})


@given(st.dictionaries(TEXT, RESULTS | NOT_READ, max_size=4), st.integers(0, 200))
def test_every_line_fits_and_a_terminal_shows_it_as_it_is(results, width):
    report = health_report(results, width)
    for line in report.split("\n"):
        assert len(line) <= max(width, 40)
        assert not line or line.isprintable()
    report.encode("utf-8")
    assert len(re.findall(r"^== ", report, re.MULTILINE)) >= len(results)


def test_control_characters_are_neutralised():
    evil = "a\x1b[31mb\nc\td\x07\u202ee\x00"
    shown = "a?[31mb c d??e?"
    result = health(
        finding("critical", evil, evil, evil, evil),
        queues=[queue(evil, 1)],
        busy=[running(**{"class": evil})],
        server=evil,
    )
    report = health_report({evil: result, f"b{evil}": {"msg": evil}})
    assert report.replace("\n", "").isprintable()
    assert report.count(shown) >= 8


@pytest.mark.parametrize("wrong", [None, [], "text", 7])
def test_anything_but_results_by_host_is_refused(wrong):
    with pytest.raises(AnsibleFilterError, match="dictionary of host"):
        health_report(wrong)


def test_ansible_finds_it():
    assert FilterModule().filters() == {"health_report": health_report}
