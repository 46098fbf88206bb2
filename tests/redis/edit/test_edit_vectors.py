# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Sidekiq's own Ruby API, and sidekiq-unique-jobs with it, made of recorded states, against what our modules make of them.

Where ours differs on purpose, the test that says why is named after the difference and checks exactly our end state.

Those about processes are in test_process_vectors.py.
"""

from __future__ import annotations

import copy
import json
import pathlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.writer import Writer
from ansible_collections.fediverse.mastodon.tests.redis.intents import (
    STATES,
    State,
    changed,
    check_same,
    differ,
    edit,
    intent_options,
    restore,
    without_ours,
)
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

FOLDER = load_vector.FOLDER
VECTORS = {
    vector["id"]: vector
    for path in sorted([*FOLDER.glob("edit-*.json"), *FOLDER.glob("lock-*.json")])
    for vector in [json.loads(path.read_text(encoding="utf-8"))]
    if vector["intent"]["op"] in STATES
}
DIFFERENT: set[str] = set()
COUNTS = ("changed", "matched", "edited", "unchanged", "kept", "remaining", "complete", "locks_freed", "diff")


def differs(*names: str) -> Callable[[Any], Any]:
    """For these vectors ours differs from Ruby's; the test says how."""
    DIFFERENT.update(names)
    return pytest.mark.parametrize("name", names)


class Edited:
    """A vector, carried out by us."""

    def __init__(self, name: str, client: Any, directory: pathlib.Path, **options: Any) -> None:
        self.vector = VECTORS[name]
        self.before: State = self.vector["before"]
        self.prefix = self.vector["key_prefix"]
        self.clock = self.vector["clock"]
        self.options = {**intent_options(self.vector["intent"]), **options}
        self._client, self._directory = client, directory
        load_vector.load(client, self.before, flush=True)

    def run(self, check_mode: bool = False) -> dict[str, Any]:
        return edit(self._client, self._directory, self.clock, self.options, self.prefix, check_mode)

    def now(self) -> State:
        return without_ours(load_vector.dump(self._client), self.prefix)

    def restore(self, archive: str) -> dict[str, Any]:
        return restore(self._client, archive, self.clock, self.prefix)

    def expect(self, wanted: State) -> None:
        """Ours is this state, and it is not Ruby's."""
        ours = self.now()
        check_same(ours, wanted, self.before)
        assert differ(ours, self.vector["after"], self.before), "it does what Ruby does"


@differs(
    "edit-641-queue-clear",
    "edit-809-queue-clear",
    "edit-817-queue-clear",
    "lock-6512-queue-clear",
    "lock-817-queue-clear",
)
def test_differs_from_ruby_a_cleared_queue_stays_registered(name, scratch_redis, tmp_path):
    """A producer registers the queue first and pushes then: a clear in between would leave jobs that nobody counts."""
    edited = Edited(name, scratch_redis, tmp_path)
    result = edited.run()
    assert result["edited"] == len(edited.before[f"queue:{edited.vector['intent']['queue']}"]["value"])
    edited.expect(changed(edited.vector["after"], queues=edited.before["queues"]))


@differs("edit-817-kill")
def test_differs_from_ruby_the_dead_set_is_not_trimmed(name, scratch_redis, tmp_path):
    """What is old in the dead set was not selected, so it stays (a Sidekiq process trims when the next job dies)."""
    edited = Edited(name, scratch_redis, tmp_path)
    edited.run()
    trimmed = [
        row for row in edited.before["dead"]["value"] if row[0] not in dict(edited.vector["after"]["dead"]["value"])
    ]
    assert trimmed
    dead = sorted([*edited.vector["after"]["dead"]["value"], *trimmed], key=lambda row: row[1])
    edited.expect(changed(edited.vector["after"], dead={"value": dead}))


@differs("lock-6512-retry-delete-other-owner", "lock-817-dead-delete-other-owner")
def test_differs_from_ruby_the_lock_of_another_job_stays(name, scratch_redis, tmp_path):
    """The gem computes the digest and frees it without looking at who holds it."""
    edited = Edited(name, scratch_redis, tmp_path)
    assert edited.run()["locks_freed"] == 0
    edited.expect(changed(edited.vector["after"], **lock_keys(edited.before)))


@differs("lock-817-kill-all")
def test_differs_from_ruby_killing_all_frees_the_locks_of_the_killed(name, scratch_redis, tmp_path):
    """From Sidekiq 7.3.5 on kill_all goes past the gem: the dead jobs would keep their locks, and others be dropped for them."""
    edited = Edited(name, scratch_redis, tmp_path)
    result = edited.run()
    owned = [job["lock_digest"] for job in jobs_in(edited.before, "retry") if owns(edited.before, job)]
    assert owned and result["locks_freed"] == len(owned)
    digests = [row for row in edited.before["uniquejobs:digests"]["value"] if row[0] not in owned]
    gone: dict[str, Any] = {key: None for digest in owned for key in (digest, f"{digest}:LOCKED")}
    edited.expect(changed(edited.vector["after"], **gone, **{"uniquejobs:digests": {"value": digests}}))


@differs("lock-739-schedule-enqueue-now", "lock-817-retry-now")
def test_differs_from_ruby_a_lock_that_the_job_holds_is_not_renewed(name, scratch_redis, tmp_path):
    """No process is alive here. The gem frees the lock and takes it again, by which it gets a new time; ours is held all the time."""
    edited = Edited(name, scratch_redis, tmp_path)
    edited.run()
    edited.expect(changed(edited.vector["after"], **lock_keys(edited.before)))


@differs("lock-817-dead-retry-other-owner")
def test_differs_from_ruby_a_job_whose_lock_another_holds_stays(name, scratch_redis, tmp_path):
    """The gem would drop it when Sidekiq pushes or begins it; here Ruby takes the lock from the job that waits in the queue.

    With force it goes, and the lock stays with the other one.
    """
    edited = Edited(name, scratch_redis, tmp_path)
    for check_mode in (True, False):
        result = edited.run(check_mode=check_mode)
        assert (result["edited"], result["kept"], result["remaining"]) == (0, {"locked": 1}, 1)
    edited.expect(edited.before)
    forced = Edited(name, scratch_redis, tmp_path)
    forced.options["force"] = True
    forced.run()
    forced.expect(changed(forced.vector["after"], **lock_keys(forced.before)))


@differs("edit-817-retry-delete-batch", "edit-809-queue-delete-class")
def test_differs_from_ruby_members_of_a_batch_are_kept(name, scratch_redis, tmp_path):
    """Its batch would wait for it for ever; with force we do as Ruby does."""
    edited = Edited(name, scratch_redis, tmp_path)
    result = edited.run()
    assert (result["kept"], result["remaining"]) == ({"batch": 1}, 1)
    place = "retry" if "retry" in name else "queue:default"
    value = edited.before[place]["value"]
    if place == "retry":
        assert not result["changed"]
    else:
        value = [member for member in value if "bid" in json.loads(member)]
    edited.expect(changed(edited.before, **{place: {"value": value}}))
    forced = Edited(name, scratch_redis, tmp_path, force=True)
    assert forced.run()["edited"] == result["edited"] + 1
    check_same(forced.now(), forced.vector["after"], forced.before)


@differs("edit-817-reschedule-noncanonical")
def test_differs_from_ruby_rescheduling_json_with_spaces_does_not_double_the_job(name, scratch_redis, tmp_path):
    """Ruby writes the JSON anew and so adds a second member, which is due at once."""
    edited = Edited(name, scratch_redis, tmp_path)
    edited.run()
    [[member, _score]] = edited.before["schedule"]["value"]
    edited.expect(changed(edited.before, schedule={"value": [[member, edited.vector["intent"]["at"]]]}))


@differs("edit-817-same-score-same-jid")
def test_differs_from_ruby_two_members_of_one_jid_and_score_are_both_pushed(name, scratch_redis, tmp_path):
    """Ruby takes both out and pushes one: the other is lost."""
    edited = Edited(name, scratch_redis, tmp_path)
    assert edited.run()["edited"] == 2
    [pushed] = [json.loads(member) for member in edited.vector["after"]["queue:pull"]["value"]]
    both = [json.dumps({**pushed, "retry_count": count}) for count in (1, 0)]  # by score and bytes: index -1 runs next
    edited.expect(changed(edited.vector["after"], **{"queue:pull": {"value": both}}))


@pytest.mark.parametrize("name", sorted(VECTORS.keys() - DIFFERENT))
def test_ends_as_with_ruby(name, scratch_redis, tmp_path):
    edited = Edited(name, scratch_redis, tmp_path)
    assert edited.run()["changed"]
    check_same(edited.now(), edited.vector["after"], edited.before)


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_check_mode_predicts_and_a_second_run_changes_nothing(name, scratch_redis, tmp_path):
    edited = Edited(name, scratch_redis, tmp_path)
    untouched = edited.now()
    predicted = edited.run(check_mode=True)
    assert edited.now() == untouched
    assert not any(tmp_path.iterdir())
    done = edited.run()
    for field in (*COUNTS, *(field for field in done if field.startswith("by_"))):
        assert done[field] == predicted[field], field
    after = edited.now()
    again = edited.run()
    assert (again["changed"], again["edited"], again["archive"]) == (False, 0, None)
    assert edited.now() == after


KEPT = {"edit-817-retry-delete-batch", "lock-817-dead-retry-other-owner"}


@pytest.mark.parametrize("name", sorted(VECTORS.keys() - KEPT))
def test_undo(name, scratch_redis, tmp_path):
    """Every job is back, byte for byte and in its place; a lock is held by the same job, though since now."""
    edited = Edited(name, scratch_redis, tmp_path)
    done = edited.run()
    undone = edited.restore(done["archive"])
    assert (undone["restored"], undone["moved_on"]) == (done["edited"], 0)
    assert undone["locks_taken"] == done["locks_freed"]
    check_same(without_lock_times(edited.now()), without_lock_times(registered(edited)), edited.before)
    again = edited.restore(done["archive"])
    assert (again["changed"], again["already_restored"]) == (False, done["edited"])


def test_every_questionable_vector_is_named():
    """What the recording calls questionable is decided here by name; in one case Ruby's answer is ours too."""
    same = {"lock-6512-reschedule"}  # the lock's own time to live is not ours to prolong
    questionable = {name for name, vector in VECTORS.items() if vector.get("questionable")}
    assert questionable - same <= DIFFERENT
    assert not same & DIFFERENT


def test_every_vector_about_jobs_is_here():
    index = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    edits = {row["id"] for row in index if row["kind"] == "edit"}
    about_processes = {name for name in edits if re.search(r"-(quiet|stop|prune-ghosts)\b", name)}
    assert edits - VECTORS.keys() == about_processes
    assert len(VECTORS) == 62


# --- what no vector has -------------------------------------------------------------------------------------------------------


def alive(version: str | None = "8.1.7", quiet: bool = False) -> State:
    """A process that polls, unless it is quiet."""
    info = {"hostname": "worker-1", "started_at": 1795330000.0, "pid": 7, "tag": "", "queues": ["pull"], "labels": []}
    info.update(identity="worker-1:7:abcdefabcdef", concurrency=5, **({"version": version} if version else {}))
    beat = {"info": json.dumps(info), "busy": "0", "beat": "1795331100.5", "quiet": json.dumps(quiet), "rss": "9"}
    return {
        "processes": {"type": "set", "ttl_ms": None, "value": ["worker-1:7:abcdefabcdef"]},
        "worker-1:7:abcdefabcdef": {"type": "hash", "ttl_ms": 60000, "value": beat},
    }


def with_process(name: str, process: State, client: Any, directory: pathlib.Path) -> Edited:
    edited = Edited(name, client, directory)
    edited.before = {**edited.before, **process}
    load_vector.load(client, edited.before, flush=True)
    return edited


def test_with_a_live_process_a_retry_with_a_lock_goes_through_its_poller(scratch_redis, tmp_path):
    edited = with_process("lock-817-retry-now", alive(), scratch_redis, tmp_path)
    assert edited.run()["unchanged"] == 1, "it is due, so the poller takes it anyway"
    edited.expect(edited.before)
    edited.clock -= 60
    assert edited.run()["by_set"] == {"retry": 1}
    jid = edited.options["jids"][0]
    retry = [[raw, edited.clock if jid in raw else score] for raw, score in edited.before["retry"]["value"]]
    edited.expect(changed(edited.before, retry={"value": retry}))


def test_with_a_live_process_a_scheduled_job_with_a_lock_goes_through_its_poller(scratch_redis, tmp_path):
    edited = with_process("lock-739-schedule-enqueue-now", alive(), scratch_redis, tmp_path)
    edited.run()
    jid = edited.options["jids"][0]
    schedule = [[raw, edited.clock if jid in raw else score] for raw, score in edited.before["schedule"]["value"]]
    edited.expect(changed(edited.before, schedule={"value": schedule}))


def test_with_a_live_process_a_dead_job_with_a_lock_goes_to_retry_with_a_try_less(scratch_redis, tmp_path):
    edited = with_process("lock-817-dead-retry-other-owner", alive(), scratch_redis, tmp_path)
    edited.options["force"] = True  # another job holds the lock
    edited.run()
    [[raw, _score]] = edited.before["dead"]["value"]
    job = json.loads(raw)
    job["retry_count"] -= 1
    retry = [*edited.before["retry"]["value"], [json.dumps(job), edited.clock]]
    edited.expect(changed(edited.before, dead=None, retry={"value": retry}))


def test_a_quiet_process_does_not_poll(scratch_redis, tmp_path):
    edited = with_process("lock-817-retry-now", alive(quiet=True), scratch_redis, tmp_path)
    edited.run()
    wanted = {**edited.vector["after"], **alive(quiet=True)}
    check_same(edited.now(), changed(wanted, **lock_keys(edited.before)), edited.before)


@pytest.mark.parametrize("version", ["7.3.2", None], ids=["7.3.2", "older than 7.0.2"])
def test_times_are_written_as_the_running_release_reads_them(version, scratch_redis, tmp_path):
    """After a rollback from Sidekiq 8 its jobs hold milliseconds, which 7 would take for seconds."""
    edited = with_process("edit-817-retry-now", alive(version), scratch_redis, tmp_path)
    edited.run()
    queue = f"queue:{next(iter(jobs_with(edited.before, 'retry', edited.options['jids'][0])))['queue']}"
    pushed = json.loads(edited.now()[queue]["value"][0])
    assert pushed["jid"] == edited.options["jids"][0]
    assert isinstance(pushed["enqueued_at"], float)
    assert pushed["enqueued_at"] == pytest.approx(edited.clock, abs=0.001)


@pytest.mark.parametrize("meanwhile", [{"other": "1795331119.5"}, {}], ids=["another took it", "it expired"])
def test_a_lock_that_changed_since_it_was_seen_is_not_freed(meanwhile, scratch_redis, tmp_path, monkeypatch):
    edited = Edited("lock-817-queue-delete", scratch_redis, tmp_path)
    [job] = [
        json.loads(raw)
        for raw in edited.before["queue:pull"]["value"]
        if edited.vector["intent"]["match"]["jid"] in raw
    ]
    holders = f"{job['lock_digest']}:LOCKED"
    seal = Writer.seal

    def seal_late(writer: Writer) -> None:
        seal(writer)
        scratch_redis.delete(holders)
        if meanwhile:
            scratch_redis.hset(holders, mapping=meanwhile)

    monkeypatch.setattr(Writer, "seal", seal_late)
    result = edited.run()
    assert (result["edited"], result["locks_freed"]) == (1, 0)
    kept = {**lock_keys(edited.before), holders: {"type": "hash", "ttl_ms": None, "value": meanwhile}}
    if not meanwhile:
        kept[holders] = None
    edited.expect(changed(edited.vector["after"], **kept))


MALFORMED = ['{"class":"BackupWorker","args":[31', "", "null", "[1,2]", '"text"', {"b64": "/v8="}]


def malformed_state() -> State:
    rows = [[raw, 1795331000.0] for raw in MALFORMED]
    return {
        "retry": {"type": "zset", "ttl_ms": None, "value": rows},
        "queue:pull": {"type": "list", "ttl_ms": None, "value": MALFORMED},
        "queues": {"type": "set", "ttl_ms": None, "value": ["pull"]},
    }


def run_on(client: Any, directory: pathlib.Path, before: State, **options: Any) -> tuple[dict[str, Any], State]:
    load_vector.load(client, before, flush=True)
    result = edit(client, directory, 1795331156.5, options)
    return result, without_ours(load_vector.dump(client))


def test_malformed_members_can_be_killed_and_come_back(scratch_redis, tmp_path):
    """In Ruby each of them ends the iteration with an error, some after they were taken out."""
    before = malformed_state()
    result, after = run_on(scratch_redis, tmp_path, before, state="dead", sets=["retry"], malformed=True)
    assert result["edited"] == len(MALFORMED)
    dead = {"type": "zset", "value": [[raw, 1795331156.5] for raw in MALFORMED]}
    check_same(after, changed(before, retry=None, dead=dead), before)
    assert restore(scratch_redis, result["archive"], 1795331156.5)["restored"] == len(MALFORMED)
    check_same(without_ours(load_vector.dump(scratch_redis)), before, before)


def test_malformed_members_are_not_run_and_not_moved(scratch_redis, tmp_path):
    before = malformed_state()
    for options in ({"state": "enqueued"}, {"state": "moved", "to_queue": "low"}):
        result, after = run_on(scratch_redis, tmp_path, before, malformed=True, sets=["retry"], **options)
        assert (result["changed"], result["kept"]) == (False, {"malformed": len(MALFORMED)})
        check_same(after, before, before)


def test_malformed_members_are_deleted_wherever_they_are(scratch_redis, tmp_path):
    before = malformed_state()
    result, after = run_on(scratch_redis, tmp_path, before, state="absent", malformed=True)
    assert result["edited"] == 2 * len(MALFORMED)
    assert after == {"queues": before["queues"]}


# --- of vectors ---------------------------------------------------------------------------------------------------------------


def lock_keys(state: State) -> dict[str, Any]:
    """Everything that the gem keeps there, but its log."""
    return {key: entry for key, entry in state.items() if key.startswith("uniquejobs:") and "changelog" not in key}


def jobs_in(state: State, key: str) -> list[dict[str, Any]]:
    return [json.loads(member) for member, _score in state[key]["value"]]


def jobs_with(state: State, key: str, jid: str) -> list[dict[str, Any]]:
    return [job for job in jobs_in(state, key) if job["jid"] == jid]


def owns(state: State, job: dict[str, Any]) -> bool:
    return job["jid"] in state.get(f"{job.get('lock_digest')}:LOCKED", {"value": {}})["value"]


def registered(edited: Edited) -> State:
    """What was there, and the queues that a push registered."""
    before, name = edited.before, f"{edited.prefix}queues"
    after = edited.vector["after"].get(name, {"value": []})["value"]
    names = sorted({*before.get(name, {"value": []})["value"], *after})
    return changed(before, **{name: {"type": "set", "value": names} if names else None})


def without_lock_times(state: State) -> State:
    """Who holds which lock, not since when."""
    found = copy.deepcopy(state)
    for key, entry in found.items():
        if key.endswith("uniquejobs:digests"):
            entry["value"] = [[digest, 0.0] for digest, _score in entry["value"]]
        elif "uniquejobs:" in key and key.endswith(":LOCKED"):
            entry["value"] = dict.fromkeys(entry["value"], "")
    return found
