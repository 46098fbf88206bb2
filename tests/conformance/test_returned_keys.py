# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module returns is what its documentation says, key by key, both ways, in check mode too.

The modules run as they are, with arguments and a printed result, against a real Redis with a bad night in it.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import importlib
import json
import os
import pathlib
import re
import tempfile
import threading
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import mastodon_info
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation import kernel
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.leftovers import (
    read_leftovers,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes import stop
from ansible_collections.fediverse.mastodon.tests.instance import situations
from ansible_collections.fediverse.mastodon.tests.lab import admin_api
from ansible_collections.fediverse.mastodon.tests.redis import sidekiq_ymls, stand_in

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "ansible_collections.fediverse.mastodon.plugins.modules"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "report")
COMMON = {"changed", "invocation", "diff", "warnings", "deprecations"}
"""What Ansible documents for every module."""
COMMON |= {"owner", "group", "mode", "uid", "gid", "size", "state", "secontext"}  # it adds them beside a path
DATA = {
    "heartbeats",
    "outcomes",
    "weights",
    "evidence",
    "kept",
    "by_set",
    "by_queue",
    "by_class",
    "by_domain",
    "by_error",
    "by_age",
    "answers",
    "mentions",
}
DATA |= {"selection", "thresholds", "before", "after", "steps"}
DATA |= {"used_by", "web", "streaming", "capsules", "unknown", "sidekiq_yml", "environment", "files"}
"""Dictionaries whose keys are data, such as names of queues."""
TYPES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "dict": dict,
    "list": list,
    "raw": object,
}
EVERY_SECTION = ["totals", "queues", "sets", "processes", "busy", "schedule", "locks", "redis"]

# Runs that together return all that a module can; "{archive}" is the last archive that was made.
STUCK = "a1" * 12
"""The id of a running job."""
RUNS: dict[str, list[dict[str, Any]]] = {
    "sidekiq_info": [{"sections": EVERY_SECTION}],
    "sidekiq_health_info": [{}],
    "sidekiq_job_info": [{"all": True, "show_args": True}, {"classes": ["BackupWorker"]}, {"jids": ["no such"]}],
    "sidekiq_job": [
        {"state": "absent", "domains": ["gone.example", "dead.example"]},
        {"state": "absent", "jids": ["no such"]},
        {"state": "dead", "sets": ["retry"], "classes": ["BackupWorker"]},
        {"state": "enqueued", "sets": ["dead"], "all": True},
        {"state": "moved", "queues": ["pull"], "all": True, "to_queue": "slow"},
        {"state": "rescheduled", "sets": ["retry"], "in": "2h", "all": True},
        {"state": "unique", "all": True},
    ],
    "sidekiq_archive": [{"path": "{archive}", "limit": 5}, {"path": "{archive}"}, {"path": "{archive}"}],
    "export": [
        {"state": "released", "backup_ids": [1, 2, 3]},
        {"state": "enqueued", "all": True},
        {"state": "enqueued", "all": True},
    ],
    "export_info": [{"heartbeat_timeout": 0, "measure": 0.01}, {"database": "never", "measure": 0}],
    "sidekiq_lock": [{"min_age": "1m", "heartbeat_timeout": "0s"}, {"min_age": "1m"}, {"digests": ["no such"]}],
    "mastodon_info": [{}],
    "sidekiq_memory_info": [{}, {"max_keys": 10, "samples": 1}],
    "sidekiq_probe": [{"timeout": "0.3s"}, {"queues": ["nobody"], "timeout": "0.3s"}],
    "sidekiq_redis": [
        {"snapshots": "900 1", "maxmemory": "1gb", "persist": False},
        {"snapshots": "", "maxmemory": "0", "persist": False, "accept_job_loss": True},
        {},
    ],
    "combined_info": [
        {
            "reads": [
                {"name": "sidekiq", "module": "sidekiq_info", "options": {"sections": ["busy"]}},
                {"name": "space", "module": "export_storage_info", "only_if_exists": "/nonexistent"},
            ]
        }
    ],
    "journal_info": [{"mentions": ["gone.example"]}],
    "export_build_files": [{}],
    "export_storage_info": [{}, {"database": "never", "threshold": 100}],
    "sidekiq_process": [
        {"state": "quiet", "queues": ["pull"], "wait": False},
        {"state": "stopped", "running": {"jids": [STUCK]}, "signal": "KILL"},
        {"state": "absent"},
    ],
    "sidekiq_host_process": [{"stop_timeout": "10s"}],
    "sidekiq_wait": [{"until": [{"queue": "pull", "size": 10**9}, {"gone": "no.such:1:abc"}]}],
    "sidekiq_config": [
        {"concurrency": 10, "timeout": 30, "backup": True},
        {"queues": [{"name": "default", "weight": 2}, "pull"]},
        {},
    ],
    "run_record": [
        {
            "runbook": "export_rescue",
            "reason": "a test",
            "thresholds": {"stuck_after": "10m"},
            "archives": ["/a"],
            "steps": [{"did": "nothing"}, {"did": "purge", "of": ["gone.example"], "outcome": "started"}],
            "ended": True,
            "closed": True,
            "undone": True,
        }
    ],
    "run_record_info": [{}],
    "domain_block": [
        {"domain": "loud.example", "severity": "silence", "private_comment": "a", "public_comment": "b"},
        {"domain": "loud.example", "severity": "suspend", "update": True},
        {"domain": "loud.example", "state": "absent"},
    ],
    "remote_server_info": [{"domains": ["no-such-server.invalid", "localhost"], "port": 1, "timeout": 1}],
}


def returned(name):
    return yaml.safe_load(importlib.import_module(f"{PACKAGE}.{name}").RETURN)


class Modules:
    """Runs modules against one Redis."""

    def __init__(self, client, directory, capsys, database_url, api_url):
        self._connection = {"redis_socket": client.connection_pool.connection_kwargs["path"]}
        self._client = client
        self._directory = directory
        self._capsys = capsys
        self._database_url = database_url
        self._api_url = api_url
        self.archive = None

    def run(self, name, options, check_mode=False):
        arguments = {**self._connection, **options}
        if name == "sidekiq_config":
            arguments = {"path": str(self._sidekiq_yml()), **options}
        if name in ("remote_server_info", "journal_info"):
            arguments = options
        if name == "domain_block":
            arguments = {"api_url": self._api_url, "token": "t", "use_proxy": False, **options}
        if name.startswith("run_record"):
            arguments = {"dir": str(self._directory / "runs"), **options}
        if arguments.get("path") == "{archive}":
            arguments["path"] = self.archive
        if name == "export" or (name == "sidekiq_lock" and "heartbeat_timeout" not in options):
            self._client.delete(*self._client.smembers("processes"))  # nothing runs, so that orphans are certain
        if name == "export":
            arguments["heartbeat_timeout"] = 0
        if name in ("sidekiq_info", "sidekiq_health_info"):
            arguments = {"heartbeat_timeout": 0, **arguments}  # nobody beats here
        if name == "export_storage_info":
            arguments = {"threshold": 0.1, **options}
            self._spare_archive()
            self._build_file()
        if name == "export_build_files":
            self._build_file()
            arguments = {**options, "mastodon_root": str(self._directory)}
        elif name.startswith("export"):
            arguments.update(database_url=self._database_url, mastodon_root=str(self._directory))
        if name == "sidekiq_host_process":
            arguments = {**options, "processes": self.unmatched}
        if name == "mastodon_info":
            arguments["mastodon_root"] = str(self._directory / "live")
        if name in ("sidekiq_job", "sidekiq_process"):
            arguments["archive_dir"] = str(self._directory)
        try:
            with (
                patch_module_args({**arguments, "_ansible_check_mode": check_mode}),
                self._leftovers(),
                pytest.raises(SystemExit) as end,
            ):
                importlib.import_module(f"{PACKAGE}.{name}").main()
        finally:
            gc.enable()
        said = self._capsys.readouterr().out
        assert end.value.code == 0, said
        result = json.loads(said)
        if name == "sidekiq_job" and result["archive"]:
            self.archive = result["archive"]
        return result

    def _spare_archive(self):
        """A file that no row needs, and one that is deleted and still open."""
        name = "archive-20260903060145-0123456789abcdef0123456789abcdef.zip"
        path = self._directory / "public" / "system" / "backups" / "dumps" / "000" / "009" / "999" / "original" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (0, 0))
        self._open = tempfile.TemporaryFile(dir="/tmp")  # noqa: SIM115 - open while the module looks

    def _leftovers(self):
        """A drop-in that an interrupted restart left."""
        folder = self._directory / "system" / "mastodon-sidekiq.service.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "zzz-restart-stop.conf").touch()
        found_there = functools.partial(read_leftovers, str(folder.parent))
        return mock.patch.object(mastodon_info, "read_leftovers", found_there)

    def _build_file(self):
        """What a killed build left in a directory of its own."""
        folder = self._directory / "built"
        folder.mkdir(exist_ok=True)
        (self._directory / ".env.production").write_text(f"TMPDIR={folder}\n")
        path = folder / "outbox.json20260903-999999999-1bq6ow"
        path.touch()
        os.utime(path, (0, 0))
        for owned in (self._directory, folder, path):
            os.chown(owned, 65534, 65534)

    @contextlib.contextmanager
    def neighbors(self):
        """A second instance that uses the same Redis by mistake, and a process whose heartbeat is gone."""
        info = json.loads(self._client.hget(sorted(self._client.smembers("processes"))[0], "info"))
        folders = [self._directory / "live", self._directory / "second"]
        for folder in folders:
            folder.mkdir(exist_ok=True)
            (folder / ".env.production").write_text("REDIS_HOST=localhost\n")
        with (
            stand_in.running(self._client, info, [], folder=folders[1]),
            stand_in.running(self._client, info, [], folder=folders[0]) as (identity, process),
        ):
            self._client.delete(identity)
            self.unmatched = [{"pid": process.pid, "ticks": kernel.start_ticks(process.pid)}]
            reaper = threading.Thread(target=process.wait)  # else it is a zombie, which has ended, too
            reaper.start()
            yield
            process.kill()
            reaper.join()

    def spoil_a_record(self):
        (self._directory / "runs" / "spoilt.json").touch()

    def _sidekiq_yml(self):
        path = self._directory / "sidekiq.yml"
        if not path.exists():
            path.write_text(sidekiq_ymls.RELEASE_4_6)
        return path


@pytest.fixture
def database_url(postgres, scratch_redis):
    """The database of the instance: a row for some of its archive jobs, and one without."""
    user = postgres.add_user("alice", [1000])
    twice = postgres.add_backup(user)
    postgres.add_backup(user, file="a.zip")
    for name in ("bob", "carol"):  # two orphans
        postgres.add_backup(postgres.add_user(name))
    for jid in ("f1", "f2"):
        job = {"class": "BackupWorker", "args": [twice], "jid": jid, "queue": "pull", "retry": 5}
        scratch_redis.lpush("queue:pull", json.dumps(job))
    return postgres.url


@pytest.fixture
def modules(scratch_redis, tmp_path, capsys, database_url, monkeypatch):
    (process, *_others) = situations.trouble(scratch_redis, scale=0.005)
    # what the instance does not have: a tag, a label, and a job that no edit may touch
    scratch_redis.lpush(
        "queue:default", json.dumps({"class": "LinkCrawlWorker", "args": [1], "tags": ["a"], "bid": "b"})
    )
    scratch_redis.hset(process.identity, "info", json.dumps({**process.info, "labels": ["reliable"]}))
    scratch_redis.sadd("processes", "quiet.example:1:abc")
    quiet = json.dumps({**process.info, "identity": "quiet.example:1:abc", "queues": ["pull"]})
    scratch_redis.hset("quiet.example:1:abc", mapping={"info": quiet, "beat": "1", "quiet": "true", "busy": 0})
    for seconds in ("SILENT", "CERTAIN"):
        monkeypatch.setattr(stop, seconds, 0.1)  # nobody beats here
    journalctl = tmp_path / "bin" / "journalctl"
    journalctl.parent.mkdir()
    journalctl.write_text("#!/bin/sh\necho 2026-11-22T07:05:01+0000 web1 bundle[1]: sidekiq: status=9/KILL\n")
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{journalctl.parent}{os.pathsep}{os.environ['PATH']}")
    stuck = [stand_in.work(STUCK), stand_in.work("innocent")]
    with stand_in.running(scratch_redis, process.info, stuck), admin_api.running(admin_api.Server("t")) as api_url:
        yield Modules(scratch_redis, tmp_path, capsys, database_url, api_url)


def results_of(name, modules, check_mode=False):
    """The results of all runs of a module; in check mode each run is checked and then done."""
    if name == "sidekiq_archive":
        modules.run("sidekiq_job", RUNS["sidekiq_job"][4])
    if name == "run_record_info":
        modules.run("run_record", RUNS["run_record"][0])
        nowhere = {"runbook": "r", "reason": "its archives cannot be read", "archive_dir": "/dev/null"}
        modules.run("run_record", nowhere)
        modules.spoil_a_record()
    results = []
    with modules.neighbors() if name in ("mastodon_info", "sidekiq_host_process") else contextlib.nullcontext():
        for options in RUNS[name]:
            if check_mode:
                results.append(modules.run(name, options, check_mode=True))
            results.append(modules.run(name, options))
    return results


def find(path):
    """The documentation of `module#module:key.key`, as `` refers to it."""
    name, _colon, keys = path.partition("#module:")
    entry = {"contains": returned(name.rpartition(".")[2])}
    for key in keys.split("."):
        entry = entry["contains"][key]
    return entry


def check(where, entry, values):
    """Compare an entry of the documentation with all values that were seen for it."""
    known = [value for value in values if value is not None]
    for value in known:
        assert isinstance(value, TYPES[entry["type"]]), f"{where}: {value!r} is no {entry['type']}"
        assert entry["type"] == "bool" or not isinstance(value, bool), where
    if entry["type"] == "list":
        elements = [element for value in known for element in value]
        assert elements, f"{where}: nothing to compare, the instance must have some"
        assert all(isinstance(element, TYPES[entry["elements"]]) for element in elements), where
        known = elements
    if entry.get("elements", entry["type"]) != "dict" or where.rpartition(".")[2] in DATA:
        return
    assert known, f"{where}: nothing to compare, the instance must have some"
    reference = re.search(r"\bas RV\(([\w.]+#module:[\w.]+)\)", str(entry["description"]), re.IGNORECASE)
    if reference:
        check_keys(where, find(reference.group(1)), known)
    else:
        check_keys(where, entry, known)


def check_keys(where, entry, values):
    if "contains" in entry:
        check_contents(where, entry["contains"], values)
        return
    sample = entry["sample"][0] if isinstance(entry["sample"], list) else entry["sample"]
    shapes = [value for value in sample.values() if isinstance(value, dict)]
    for value in values:
        if shapes:  # a dictionary of things by name; one of them is the sample of all
            assert all(item.keys() == shapes[0].keys() for item in value.values()), where
        else:
            assert value.keys() == sample.keys(), where


def check_contents(where, contains, values):
    assert set().union(*values) == contains.keys(), f"{where}: documented and returned keys differ"
    for key, entry in contains.items():
        with_it = [value[key] for value in values if key in value]
        if entry["returned"] == "success":
            assert len(with_it) == len(values), f"{where}.{key}: not always returned"
        check(f"{where}.{key}", entry, with_it)


def shape(value, where=""):
    """The keys of a result, with those of dictionaries of data left out."""
    if isinstance(value, dict) and where not in DATA:
        return {key: shape(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(item, where)) for item in value})
    return None


def test_every_module_is_run():
    assert set(RUNS) == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_keys_are_those_that_are_documented(name, modules):
    results = [
        {key: value for key, value in result.items() if key not in COMMON} for result in results_of(name, modules)
    ]
    check_contents(name, returned(name), results)


@pytest.mark.parametrize("name", MODULES)
def test_keys_in_check_mode_are_those_of_a_real_run(name, modules):
    results = results_of(name, modules, check_mode=True)
    for checked, done in zip(results[::2], results[1::2]):
        assert checked.keys() == done.keys()
        assert checked["changed"] == done["changed"]
        assert shape(checked) == shape(done)


@pytest.mark.parametrize("section", EVERY_SECTION)
def test_a_section_alone_has_the_same_keys(section, modules):
    contains = returned("sidekiq_info")
    result = modules.run("sidekiq_info", {"sections": [section]})
    assert set(result) - COMMON == {"server", "taken_at", "taken_epoch", section}
    check(f"sidekiq_info.{section}", contains[section], [result[section]])


def test_the_comparison_sees_every_difference(modules):
    contains = returned("sidekiq_info")
    result = modules.run("sidekiq_info", RUNS["sidekiq_info"][0])
    result = {key: value for key, value in result.items() if key not in COMMON}
    check_contents("sound", contains, [result])
    spoilt = []
    for path in (["totals"], ["queues", 0], ["sets", "dead"], ["redis", "persistence"], ["busy", 0], []):
        for change in (lambda part: part.update(more=1), lambda part: part.popitem()):
            copied = copy.deepcopy(result)
            part = copied
            for step in path:
                part = part[step]
            change(part)
            spoilt.append(copied)
    wrong = copy.deepcopy(result)
    wrong["queues"][0]["size"] = "12"
    for copied in [*spoilt, wrong]:
        with pytest.raises(AssertionError):
            check_contents("spoilt", contains, [copied])
