# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody wants done to jobs, in the words of the recorded vectors: carried out by our modules, and how two databases compare."""

from __future__ import annotations

import copy
import functools
import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any
from unittest import mock

import redis
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import read_snapshot

State = dict[str, dict[str, Any]]
"""A database as load_vector.dump gives it."""

OURS = tuple(f"fediverse.mastodon:{name}:" for name in ("taken", "restored", "lifted"))
STATES = {
    "delete": "absent",
    "delete_one": "absent",
    "clear": "absent",
    "kill": "dead",
    "retry_now": "enqueued",
    "enqueue_now": "enqueued",
    "reschedule": "rescheduled",
}
_LOGS = ("uniquejobs:changelog", "process_cleanup")
_MILLISECOND = 0.001
_TTL_TOLERANCE = 2000


def module_options(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a module gets when a task gives these options: checked and completed by Ansible itself."""
    checked = ArgumentSpecValidator(spec).validate(given)
    assert not checked.error_messages, checked.error_messages
    options: dict[str, Any] = checked.validated_parameters
    return options


def intent_options(intent: Mapping[str, Any]) -> dict[str, Any]:
    """The options of sidekiq_job that mean an intent of the vectors."""
    options: dict[str, Any] = {"state": STATES[intent["op"]]}
    if intent["where"] == "queue":
        options.update(sets=["queues"], queues=[intent["queue"]])
    else:
        options["sets"] = [{"schedule": "scheduled"}.get(intent["where"], intent["where"])]
    if intent["op"] == "reschedule":
        options["at"] = repr(intent["at"])
    if intent["op"] == "delete_one":
        options["limit"] = 1
    for name, wanted in intent.get("match", {}).items():
        if name in ("class", "display_class"):
            options["classes"] = [wanted]
        elif name == "jid":
            options["jids"] = [wanted]
        elif name == "args":  # ours are the leading ones
            options.update(args=wanted, where=f"length(args) == `{len(wanted)}`")
        elif name == "arg_url_host":
            options["domains"] = [wanted["host"]]
        elif name == "malformed":
            options["malformed"] = wanted
        else:
            raise AssertionError(f"no option means {name}")
    if not intent.get("match"):
        options["all"] = True
    return options


def edit(
    client: redis.Redis,
    directory: pathlib.Path,
    clock: float,
    options: Mapping[str, Any],
    prefix: str = "",
    check_mode: bool = False,
) -> dict[str, Any]:
    """The result of sidekiq_job, with Redis' clock stopped."""
    given = module_options(sidekiq_job.JOB_OPTIONS, {"archive_dir": str(directory), **options})
    session = Session(client, Keys(prefix), given, check_mode, "test")
    with mock.patch.object(sidekiq_job, "read_snapshot", functools.partial(read_snapshot, clock=clock)):
        return sidekiq_job.edit_jobs(session)


def restore(client: redis.Redis, archive: str, clock: float, prefix: str = "") -> dict[str, Any]:
    """The result of sidekiq_archive, with Redis' clock stopped."""
    session = Session(
        client, Keys(prefix), module_options(sidekiq_job.ARCHIVE_OPTIONS, {"path": archive}), False, "test"
    )
    with mock.patch.object(sidekiq_job, "read_snapshot", functools.partial(read_snapshot, clock=clock)):
        return sidekiq_job.restore(session)


def check_same(ours: State, theirs: State, before: State) -> None:
    """Assert that two databases are the same to Sidekiq, by the rules of the vectors' README.

    Members that stood anywhere in `before` count by their bytes, those that were written anew by what their JSON says.
    """
    known = set(members(before))
    _check(_comparable(ours, known), _comparable(theirs, known), "")


def differ(ours: State, theirs: State, before: State) -> bool:
    """Whether `check_same` finds a difference."""
    try:
        check_same(ours, theirs, before)
    except AssertionError:
        return True
    return False


def members(state: State) -> Iterable[str]:
    """Every member of every list and sorted set, as text that can be compared."""
    for entry in state.values():
        if entry["type"] == "list":
            yield from map(_text, entry["value"])
        elif entry["type"] == "zset":
            yield from (_text(member) for member, _score in entry["value"])


def without_ours(state: State, prefix: str = "") -> State:
    """The database without the bitmaps that an archive of ours has in it, and nothing else left out."""
    return {key: entry for key, entry in state.items() if not key.startswith(tuple(prefix + name for name in OURS))}


def changed(state: State, **keys: Any) -> State:
    """A copy with the values of some keys replaced; an empty value means that the key is gone."""
    result = copy.deepcopy(state)
    for key, value in keys.items():
        if value:
            result[key] = {**result.get(key, {"ttl_ms": None}), **value}
        else:
            result.pop(key, None)
    return result


def _comparable(state: State, known: set[str]) -> dict[str, Any]:
    return {key: _entry(entry, known) for key, entry in state.items() if not key.endswith(_LOGS)}


def _entry(entry: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    value = entry["value"]
    if entry["type"] == "list":
        value = [_member(member, known) for member in value]
    elif entry["type"] == "zset":
        rows = [(_member(member, known), score) for member, score in value]
        value = {json.dumps(member, sort_keys=True): score for member, score in rows}
        assert len(value) == len(rows)
    return {**entry, "value": value}


def _member(member: Any, known: set[str]) -> Any:
    text = _text(member)
    return {"stored": text} if text in known else {"written": json.loads(text)}


def _text(member: Any) -> str:
    return member if isinstance(member, str) else json.dumps(member)


def _check(ours: Any, theirs: Any, path: str) -> None:
    assert type(ours) is type(theirs), f"{path}: {ours!r} is not {theirs!r}"
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), f"{path}: {sorted(ours.keys() ^ theirs.keys())}"
        for name, value in ours.items():
            _check(value, theirs[name], f"{path} {name}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), f"{path}: {ours!r} is not {theirs!r}"
        for index, value in enumerate(ours):
            _check(value, theirs[index], f"{path} {index}")
    elif isinstance(ours, (int, float)) and not isinstance(ours, bool):
        tolerance = _MILLISECOND if isinstance(ours, float) else 1 if path.endswith("d_at") else 0
        tolerance = _TTL_TOLERANCE if path.endswith(" ttl_ms") else tolerance
        assert abs(ours - theirs) <= tolerance, f"{path}: {ours!r} is not {theirs!r}"
    else:
        assert ours == theirs, f"{path}: {ours!r} is not {theirs!r}"
