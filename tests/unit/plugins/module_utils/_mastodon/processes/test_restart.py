# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role restart does with a host, and how it accounts for the jobs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.account import describe
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.restart import account, plan

STOCK = "mastodon-sidekiq.service"
PATTERNS = ["mastodon-sidekiq*.service"]
PARTS = ("completed", "retried", "pushed_back", "restored", "lost", "not_known")


def heartbeat(identity="here:42:abc", **fields):
    return {"identity": identity, "pid": 42, "ticks": 7, "busy": 3, "quiet": False, "started_epoch": 1000.0, **fields}


def worker(name=STOCK, **fields):
    known = {"kind": "service", "running": True, "pids": [42], "need_daemon_reload": False, "processes": [heartbeat()]}
    return {"name": name, **known, **fields}


def silent(name=STOCK, **fields):
    known = {
        "kind": "service",
        "ours": True,
        "busy": 3,
        "processes": [{"pid": 42, "ticks": 7}],
        "reason": "No heartbeat.",
    }
    return {"name": name, **known, **fields}


def host(workers=(), unmatched=(), foreign=(), problem=None, readable=True, systemd=True, leftovers=()):
    redis = {"problem": problem, "readable": readable}
    return {
        "workers": list(workers),
        "unmatched": list(unmatched),
        "foreign": list(foreign),
        "leftovers": list(leftovers),
        "redis": redis,
        "systemd": systemd,
    }


def planned(installation, files=(), forced=False):
    return plan(installation, [{"path": path, "mtime": mtime} for path, mtime in files], PATTERNS, forced)


@pytest.mark.parametrize(
    ("unit", "process", "files", "forced", "why"),
    [
        ({}, {}, [], False, ()),
        ({}, {}, [], True, ("restart_force is set",)),
        ({"need_daemon_reload": True}, {}, [], False, ("its unit file has changed since systemd read it",)),
        ({}, {"quiet": True}, [], False, ("it is quiet and fetches no jobs",)),
        ({}, {}, [("/env", 999.0), ("/yml", 1001.0)], False, ()),
        ({}, {}, [("/env", 1002.0)], False, ()),
        ({}, {}, [("/env", 1003.0), ("/yml", 1.0)], False, ("/env is newer than its process",)),
    ],
)
def test_why_a_unit_is_restarted(unit, process, files, forced, why):
    found = planned(host([worker(processes=[heartbeat(**process)], **unit)]), files, forced)
    assert [due.why for due in found.due] == ([why] if why else [])
    assert (found.refusals, found.notes, found.running) == ((), (), 1)


def test_what_a_restart_stops():
    [due] = planned(host([worker(need_daemon_reload=True)]), forced=True).due
    assert (due.identities, due.pids, due.busy, due.unmatched, due.reload) == (("here:42:abc",), (42,), 3, (), True)


def test_what_an_interrupted_restart_left_goes():
    """Nothing else need be due; what another role or a restart of another instance wrote may be at work."""
    units = [
        (STOCK, "restart"),
        (STOCK, "workers"),
        ("mastodon-sidekiq-other.service", "restart"),
        ("x.service", "restart"),
    ]
    left = [{"path": f"/run/{unit}.d/{role}", "unit": unit, "role": role} for unit, role in units]
    other = {"name": "mastodon-sidekiq-other.service", "running": True, "reason": "Another user."}
    found = planned(host([worker()], foreign=[other], leftovers=left))
    assert (found.due, found.leftovers) == ((), (f"/run/{STOCK}.d/restart",))


def test_a_unit_without_a_heartbeat_is_refused():
    found = planned(host([worker(processes=[])], [silent()]))
    [refusal] = found.refusals
    assert all(words in refusal for words in (STOCK, "No heartbeat.", "3 jobs", "restart_force"))


def test_a_unit_without_a_heartbeat_is_restarted_by_force_and_what_it_runs_is_not_known():
    found = planned(host([worker(processes=[])], [silent(busy=None)]), forced=True)
    assert found.refusals == ()
    [due] = found.due
    assert (due.identities, due.busy, due.unmatched) == ((), None, ({"pid": 42, "ticks": 7},))


def test_a_unit_whose_process_nobody_sees_is_refused_by_force_too():
    for forced in (False, True):
        found = planned(host([worker(processes=[], pids=[])], [silent(processes=[], busy=None)]), forced=forced)
        assert len(found.refusals) == 1


@pytest.mark.parametrize(
    ("readable", "forced", "refused"),
    [(True, True, True), (True, False, True), (False, False, True), (False, True, False)],
)
def test_a_redis_that_takes_no_writes_or_does_not_answer(readable, forced, refused):
    found = planned(
        host([worker(processes=[])], [silent()], problem="Redis is full.", readable=readable), forced=forced
    )
    assert any("Redis is full." in refusal for refusal in found.refusals) is refused


@pytest.mark.parametrize("kind", ["container", "process", "service"])
def test_sidekiq_runs_and_no_unit_does(kind):
    found = planned(host([worker("7207be031381", kind=kind)]))
    [refusal] = found.refusals
    assert all(words in refusal for words in ("7207be031381", "3 jobs running", "--timeout 60", "sidekiq_process"))


def test_a_container_that_nobody_knows_runs_and_no_unit_does():
    found = planned(host(unmatched=[silent("7207be031381", kind="container", ours=None)]))
    assert "7207be031381" in found.refusals[0]


def test_nothing_runs():
    assert planned(host()).refusals == ()
    assert "No systemd" in planned(host(systemd=False)).refusals[0]


def test_what_is_left_alone_is_named_and_not_restarted():
    second = {"name": "mastodon-sidekiq-second.service", "running": True, "reason": "Its root is another one."}
    others = [worker(), worker("cron.service"), worker("box", kind="container")]
    found = planned(host(others, [silent("stray", kind="process", ours=None)], [second]), forced=True)
    assert [due.name for due in found.due] == [STOCK]
    assert found.refusals == ()
    assert len(found.notes) == 4
    assert all(
        any(name in note for note in found.notes)
        for name in ("mastodon-sidekiq-second.service", "cron.service", "container box", "stray")
    )


def test_what_does_not_run_is_left_alone():
    assert planned(host([worker(running=False, pids=[], processes=[])]), forced=True).due == ()


def accounted(running=(), jobs=None, failed=(), busy=None, unmatched=None, identities=("a",)):
    quiet = {
        "processes": [{"identity": "a", "busy": len(running) if busy is None else busy}],
        "busy": [{"identity": "a", "jid": jid} for jid in running] + [{"identity": "other", "jid": "x"}],
    }
    recorded = [] if jobs is None else [{"jid": jid, "outcome": outcome} for jid, outcome in jobs]
    stopped = {"processes": [] if jobs is None else [{"identity": "a", "jobs": recorded}], "archive": "/a"}
    found = account({"name": STOCK, "identities": identities}, quiet, failed, stopped, unmatched or {})
    assert describe(found)  # it adds up
    assert (found["unit"], found["archive"]) == (STOCK, "/a")
    return {part: found[part] for part in PARTS if found[part]}


def test_every_job_has_its_outcome():
    jobs = [
        ("c", "pushed_back"),
        ("d", "restored"),
        ("e", "dropped"),
        ("f", "finished"),
        ("g", "retried"),
        ("h", "running"),
    ]
    found = accounted("abcdefgh", jobs, failed="b")
    assert found == {"completed": 2, "retried": 2, "pushed_back": 1, "restored": 1, "lost": 1, "not_known": 1}


def test_a_process_that_was_gone_before_it_was_stopped_leaves_nothing_known():
    assert accounted("abc", None, failed="b") == {"retried": 1, "not_known": 2}


def test_a_job_that_only_the_last_record_names_counts():
    assert accounted("a", [("a", "pushed_back"), ("z", "pushed_back")]) == {"pushed_back": 2}


def test_jobs_that_the_heartbeat_counts_and_does_not_name_are_not_known():
    assert accounted("a", [], busy=3) == {"completed": 1, "not_known": 2}


def test_two_jobs_with_one_jid_are_two():
    assert accounted("aa", [("a", "pushed_back")]) == {"pushed_back": 1, "completed": 1}


def test_jobs_of_a_process_without_a_heartbeat_are_not_known():
    assert accounted(unmatched={"busy": 25}, identities=()) == {"not_known": 25}
    found = account({"name": STOCK, "identities": []}, {}, [], {}, {"busy": None})
    assert (found["ran"], found["not_known"], found["uncounted"]) == (0, 0, True)


@given(
    st.lists(st.sampled_from([*"abcdef", None])),
    st.none()
    | st.lists(
        st.tuples(
            st.sampled_from([*"abcdefg", None]), st.sampled_from(["finished", "dropped", "dead", "odd", "restored"])
        )
    ),
    st.lists(st.sampled_from("abc")),
    st.integers(0, 9),
)
def test_every_account_adds_up(running, jobs, failed, busy):
    accounted(running, jobs, failed, busy)
