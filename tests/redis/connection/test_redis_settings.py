# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a real Redis and a real Valkey: what is set outlasts a restart, and what would lose jobs is refused."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from ansible_collections.fediverse.mastodon.tests.instance import server
from ansible_collections.fediverse.mastodon.tests.redis import modules
from ansible_collections.fediverse.mastodon.tests.redis.waiting import wait_for


@dataclass
class Configured:
    """A server with a configuration file, which can be restarted."""

    program: str
    directory: pathlib.Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> pathlib.Path:
        return self.directory / "redis.conf"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.directory / "redis.sock"))

    def start(self) -> None:
        self.process = subprocess.Popen([self.program, str(self.file)], stdout=subprocess.DEVNULL)
        wait_for("it answers", 300, self._answers)

    def stop(self) -> None:
        assert self.process
        with self.client as client:  # it refuses to end while it writes the first append-only file
            wait_for("the file is written", 300, lambda: not _writes(client.info("persistence")))
        self.process.terminate()
        self.process.wait(120)

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError), self.client as client:
            return bool(client.ping())
        return False

    def run(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return modules.run("sidekiq_redis", check_mode, redis_socket=str(self.directory / "redis.sock"), **options)

    def value(self, name: str) -> str:
        with self.client as client:
            (found,) = client.config_get(name).values()
            return found.decode() if isinstance(found, bytes) else str(found)


def _writes(info: dict[str, Any]) -> bool:
    return bool(info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"] or info["rdb_bgsave_in_progress"])


@pytest.fixture(params=["redis", "valkey"])
def configured(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Configured]:
    program = "redis-server" if request.param == "redis" else str(server.valkey_binary())
    made = Configured(program, tmp_path)
    made.file.write_text(
        f'port 0\nunixsocket {tmp_path}/redis.sock\ndir {tmp_path}\nrequirepass ""\n# a comment that stays\nsave ""\n'
    )
    made.start()
    yield made
    if made.process:
        made.process.kill()
        made.process.wait(120)


def test_check_mode_says_what_a_run_does_and_does_nothing(configured: Configured) -> None:
    options: dict[str, Any] = {"maxmemory": "1gb", "append_only": True, "snapshots": "900 1"}
    before = configured.file.read_bytes()
    checked = configured.run(check_mode=True, **options)
    assert (configured.value("maxmemory"), configured.file.read_bytes()) == ("0", before)
    done = configured.run(**options)
    assert done["set"] == ["append_only", "snapshots", "maxmemory"]
    assert {**checked, "used_memory": 0, "invocation": 0} == {**done, "used_memory": 0, "invocation": 0}
    again = configured.run(**options)
    assert (again["changed"], again["set"], again["rewritten"]) == (False, [], False)


def test_it_outlasts_a_restart(configured: Configured) -> None:
    configured.run(maxmemory="1gb", append_only=True)
    configured.stop()
    configured.start()
    assert (configured.value("maxmemory"), configured.value("appendonly")) == (str(1 << 30), "yes")
    assert "# a comment that stays" in configured.file.read_text()


def test_what_was_set_by_hand_comes_into_the_file(configured: Configured) -> None:
    with configured.client as client:
        client.config_set("maxmemory", str(1 << 30))
    result = configured.run(maxmemory="1gb")
    assert (result["changed"], result["set"], result["rewritten"]) == (True, [], True)
    assert configured.run(maxmemory="1gb")["changed"] is False


def test_persist_false_leaves_the_file_alone(configured: Configured) -> None:
    before = configured.file.read_bytes()
    assert configured.run(maxmemory="1gb", persist=False)["rewritten"] is False
    assert (configured.value("maxmemory"), configured.file.read_bytes()) == (str(1 << 30), before)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"eviction_policy": "allkeys-lru"}, "accept_job_loss"),
        ({"maxmemory": "1kb"}, "every enqueue would fail"),
        ({"maxmemory": "much"}, "maxmemory: 'much' is no size"),
        ({"maxmemory": "99999999999999gb"}, "maxmemory: '99999999999999gb' is no size that Redis takes"),
        ({"snapshots": "900"}, "snapshots: '900' is not SECONDS CHANGES"),
        ({"snapshots": "0 0"}, "with seconds from 1 on"),
    ],
)
def test_refused(configured: Configured, options: dict[str, Any], said: str) -> None:
    result = configured.run(**options)
    assert result["failed"] and said in result["msg"]
    assert configured.value("maxmemory-policy") == "noeviction"


@pytest.mark.parametrize("check_mode", [True, False])
def test_no_limit_makes_a_policy_delete_queues_that_is_there_already(configured: Configured, check_mode: bool) -> None:
    with configured.client as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    for maxmemory in ("2gb", "1gb"):
        result = configured.run(check_mode, maxmemory=maxmemory, persist=False)
        assert result["failed"] and result["msg"].startswith("maxmemory: with the policy allkeys-lru")
        assert "set eviction_policy: noeviction in the same task" in result["msg"]
        with configured.client as client:
            client.config_set("maxmemory", str(2 << 30))
    assert "failed" not in configured.run(check_mode, maxmemory="3gb", persist=False), "more room evicts nothing"
    assert "failed" not in configured.run(check_mode, maxmemory="0", persist=False)
    options: dict[str, Any] = {"maxmemory": "1gb", "persist": False}
    assert configured.run(check_mode, **options, eviction_policy="noeviction")["changed"]
    with configured.client as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", "0")
    assert configured.run(check_mode, **options, accept_job_loss=True)["changed"]


@pytest.mark.parametrize("options", [{"snapshots": "03600  001"}, {"maxmemory": "18446744073709551615"}])
def test_what_is_set_in_an_odd_way_is_set_once(configured: Configured, options: dict[str, Any]) -> None:
    assert configured.run(**options)["changed"]
    assert configured.run(**options)["changed"] is False


def test_no_persistence_at_all_is_refused_and_can_be_accepted(configured: Configured) -> None:
    configured.run(append_only=True)
    assert "lose every job" in configured.run(append_only=False)["msg"]
    assert configured.run(append_only=False, eviction_policy="allkeys-lru", accept_job_loss=True)["changed"]
    assert (configured.value("appendonly"), configured.value("maxmemory-policy")) == ("no", "allkeys-lru")
    assert configured.run()["changed"] is False, "a task that asks for nothing tells what is there"


def test_a_server_without_a_file(redis_process: server.Server) -> None:
    options: dict[str, Any] = {"redis_socket": str(redis_process.socket)}
    assert "without a configuration file" in modules.run("sidekiq_redis", maxmemory="1gb", **options)["msg"]
    result = modules.run("sidekiq_redis", **options)
    assert (result["changed"], result["config_file"]) == (False, None)


def test_a_file_that_cannot_be_written(configured: Configured) -> None:
    directory = configured.directory
    with configured.client as client:
        client.acl_setuser("tester", enabled=True, nopass=True, commands=["+@all", "-config|rewrite"], keys=["*"])
    result = configured.run(maxmemory="1gb", redis_username="tester", redis_password="any")
    assert "CONFIG REWRITE" in result["msg"] and "until Redis restarts: maxmemory" in result["msg"]
    assert directory.exists()


def test_a_replica(configured: Configured) -> None:
    with configured.client as client:
        client.replicaof("127.0.0.1", "1")
    assert "is a replica" in configured.run(maxmemory="1gb")["msg"]
