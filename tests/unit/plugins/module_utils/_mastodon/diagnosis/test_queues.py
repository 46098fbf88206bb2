# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about queues, each on both sides of its border."""

from __future__ import annotations

from collections import Counter

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis import queues
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.survey import Survey

from .builders import NAMES, finds, ghost, one, process, queue, view


@pytest.mark.parametrize(
    ("name", "size", "latency", "found"),
    [
        ("default", 0, 0.0, None),
        ("default", 1, 5.0, None),
        ("default", 1, 5.1, ("warning", "queue_late")),
        ("default", 1, 50.0, ("warning", "queue_late")),
        ("default", 1, 50.1, ("critical", "queue_late")),
        ("push", 1, 10.0, None),
        ("push", 1, 10.1, ("warning", "queue_late")),
        ("push", 1, 100.1, ("critical", "queue_late")),
        ("pull", 1, 300.0, None),
        ("pull", 1, 300.1, ("warning", "queue_late")),
        ("ingress", 1, 300.0, None),
        ("ingress", 1, 300.1, ("warning", "queue_late")),
        ("ingress", 1, 3000.1, ("critical", "queue_late")),
        ("mine", 1, 300.1, ("warning", "queue_late")),
        ("pull", 500, 0.0, None),
        ("pull", 501, 0.0, ("warning", "queue_long")),
        ("pull", 1000, 0.0, ("warning", "queue_long")),
        ("pull", 1001, 0.0, ("critical", "queue_long")),
        ("default", 501, 5.1, ("warning", "queue_late")),  # both, in one finding
        ("default", 1001, 5.1, ("critical", "queue_late")),
    ],
)
def test_backlog(name, size, latency, found):
    seen = view(queues=(queue(name, size, latency), queue("other")))
    assert finds(queues.queue_backlog, seen) == ([found] if found else [])


def test_backlog_as_given():
    limits = {
        "queue_latency": {"push": 60},
        "queue_latency_other": 1,
        "queue_latency_critical_factor": 2,
        "queue_size_warning": 10,
        "queue_size_critical": 20,
    }
    for name, size, latency, severity in [
        ("push", 1, 60.0, None),
        ("push", 1, 60.1, "warning"),
        ("push", 1, 120.1, "critical"),
        ("default", 1, 1.1, "warning"),
        ("push", 10, 0.0, None),
        ("push", 11, 0.0, "warning"),
        ("push", 21, 0.0, "critical"),
    ]:
        found = list(queues.queue_backlog(view(limits=limits, queues=(queue(name, size, latency),))))
        assert [finding.severity for finding in found] == ([severity] if severity else []), (name, size, latency)


def test_backlog_says_what_the_queue_holds():
    classes = Counter(A=100, B=50, C=3, D=2, E=1, F=1)
    seen = view(Survey(queue_classes={"push": classes}), queues=(queue("push", 600, 30.0),))
    finding = one(queues.queue_backlog, seen)
    assert finding.subject == "queue push"
    assert finding.summary == "600 jobs; the next one has waited 30 s (limit 10 s); mostly A 100, B 50."
    assert "fediverse.mastodon.backlog_recovery " in finding.fix and "fediverse.mastodon.workers" in finding.fix
    assert finding.evidence == {
        "size": 600,
        "latency": 30.0,
        "limit": 10,
        "classes": {"A": 100, "B": 50, "C": 3, "D": 2, "E": 1},
    }


def serving(*names, **fields):
    return process(queues=names, **fields)


WITHOUT_FASP = tuple(name for name in NAMES if name != "fasp")


@pytest.mark.parametrize(
    ("living", "waiting", "found"),
    [
        ((serving(*NAMES),), (), []),
        ((serving(*WITHOUT_FASP),), (), [("warning", "queue fasp")]),
        ((serving(*WITHOUT_FASP),), (queue("fasp", 1),), [("critical", "queue fasp")]),
        ((serving(*WITHOUT_FASP, version="6.5.12"),), (), []),  # Mastodon 4.3 has no such queue
        ((serving(*WITHOUT_FASP, version=None),), (), []),
        ((serving(*WITHOUT_FASP, version="7.0.2"),), (), [("warning", "queue fasp")]),
        ((serving(*WITHOUT_FASP), serving("pull", version="6.5.12")), (), []),
        ((serving(*WITHOUT_FASP, version="6.5.12"),), (queue("fasp", 1),), [("warning", "queue fasp")]),
        ((serving("default", "push", "ingress", "mailers", "fasp"),), (), [("critical", "queue pull")]),
        ((serving("default", "push", "ingress", "mailers", "fasp"), serving("pull", quiet=True)), (), []),
        ((serving(*NAMES),), (queue("mine", 0),), []),
        ((serving(*NAMES),), (queue("mine", 1),), [("warning", "queue mine")]),
        ((serving(*NAMES, "mine"),), (queue("mine", 1),), []),
        ((serving(*NAMES[:5], "fasp"),), (queue("scheduler", 1),), []),  # a rule of its own
        ((ghost(),), (queue("push", 9),), []),  # a rule of its own
    ],
)
def test_unserved(living, waiting, found):
    seen = view(processes=living, queues=(*(queue(name) for name in WITHOUT_FASP), *waiting))
    assert [(finding.severity, finding.subject) for finding in queues.queue_unserved(seen)] == found


@pytest.mark.parametrize("version", ["", "x", "²", "7²", "9" * 5000, "٧.0", "-7", "7"])
def test_unserved_whatever_a_process_calls_its_version(version):
    found = finds(queues.queue_unserved, view(processes=(serving(*WITHOUT_FASP, version=version),)))
    assert len(found) <= 1


def test_unserved_says_how_many_wait():
    seen = view(processes=(serving(*NAMES),), queues=(queue("mine", 1), queue("yours", 2)))
    first, second = queues.queue_unserved(seen)
    assert "1 job waits in it" in first.summary
    assert "2 jobs wait in it" in second.summary
    assert first.evidence == {"size": 1, "served_by": []}


@pytest.mark.parametrize(
    ("living", "found"),
    [
        ((serving("scheduler"),), []),
        ((serving("scheduler"), serving("push")), []),
        ((serving("push"),), [("critical", "scheduler_unserved")]),
        ((serving("scheduler"), serving("scheduler")), [("warning", "scheduler_duplicated")]),
        ((serving("scheduler"), ghost()), []),
        ((ghost(),), []),
        ((), []),
    ],
)
def test_scheduler(living, found):
    assert finds(queues.scheduler_queue, view(processes=living)) == found


def test_scheduler_names_who_serves_it():
    living = (process("a:1:x"), process("b:1:x"))
    assert one(queues.scheduler_queue, view(processes=living)).evidence == {"served_by": ["a:1:x", "b:1:x"]}


@pytest.mark.parametrize("registered", [True, False])
def test_unregistered(registered):
    seen = view(queues=(queue("push", 3, registered=registered),))
    assert finds(queues.queue_unregistered, seen) == [("notice", "queue_unregistered")] * (not registered)


@pytest.mark.parametrize(("paused", "size", "found"), [(True, 1, True), (True, 0, False), (False, 1, False)])
def test_paused(paused, size, found):
    seen = view(queues=(queue("push", size, paused=paused),))
    assert finds(queues.queue_paused, seen) == [("warning", "queue_paused")] * found


def test_a_name_that_a_shell_would_read_goes_into_no_command():
    assert "queues=mine all=true" in queues._moved("mine")
    for name in ("$(id)", "a b", "'; id", '"', "\x1b[2J", "a,b"):
        assert name not in queues._moved(name) and "cannot be written in a command" in queues._moved(name)
