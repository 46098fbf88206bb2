# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units and processes there are, which belong together, and whose they are."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.inventory import (
    Sources,
    describe_installation,
    instance_at,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.kernel import HostProcess, Title
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.units import Unit
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.settings import (
    ConnectionSettings as Redis,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process

STOCK = "mastodon-sidekiq.service"
PATTERNS = ["mastodon-sidekiq*.service"]
COMMAND = "/bin/bundle exec sidekiq -c 25"


@pytest.fixture
def roots(tmp_path):
    for name, db in (("live", 0), ("second", 1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".env.production").write_text(f"REDIS_HOST=localhost\nREDIS_DB={db}\n")
    return tmp_path


def process(pid=42, unit=STOCK, root=None, busy=3, **fields):
    known = {"inner_pid": pid, "names": frozenset(["here"]), "environment": {"PATH": "/bin"}, **fields}
    return HostProcess(
        pid,
        7,
        1000.0,
        root=None if root is None else str(root),
        unit=unit,
        title=Title("7.3.2", "", busy, 25, False),
        **known,
    )


def heartbeat(pid=42, host="here", **fields):
    return Process(
        f"{host}:{pid}:abc",
        True,
        host,
        pid,
        started_at=1010.0,
        version="7.3.2",
        concurrency=25,
        busy=3,
        beat=2000.0,
        **fields,
    )


def service(name=STOCK, pid=42, root=None, command=COMMAND, state="active", **fields):
    return Unit(name, state, "running", pid, command=command, directory="" if root is None else str(root), **fields)


def found(roots, processes=(), units=(), heartbeats=(), redis=None, **fields):
    settings = Redis(host="127.0.0.1") if redis is None else redis
    sources = Sources(processes, units, heartbeats, PATTERNS, "SERVER", now=9000.0, **fields)
    return describe_installation(sources, instance_at(str(roots / "live"), settings))


def test_a_unit_and_its_process(roots):
    seen = found(roots, [process(root=roots / "live")], [service(root=roots / "live")], [heartbeat()])
    [worker] = seen.workers
    assert (seen.kind, worker.name, worker.ours, worker.unmatched) == ("systemd", STOCK, True, ())
    assert worker.members[0].match.heartbeat.identity == "here:42:abc"
    assert (seen.unmatched, seen.foreign) == ((), ())


def test_a_shell_that_starts_sidekiq(roots):
    """The main process is the shell; the control group says whose Sidekiq is."""
    unit = service(pid=41, root=roots / "live", command="/bin/bash -c sidekiq; true")
    seen = found(roots, [process(root=roots / "live")], [unit], [heartbeat()])
    assert [member.process.pid for member in seen.workers[0].members] == [42]
    assert seen.unmatched == ()


def test_a_second_instance_is_foreign_and_never_a_worker(roots):
    processes = [process(root=roots / "live"), process(43, "mastodon-sidekiq-second.service", roots / "second")]
    units = [service(root=roots / "live"), service("mastodon-sidekiq-second.service", 43, roots / "second")]
    seen = found(roots, processes, units, [heartbeat()])
    assert [worker.name for worker in seen.workers] == [STOCK]
    [other] = seen.foreign
    assert other.name == "mastodon-sidekiq-second.service"
    assert str(roots / "second") in other.reason and "localhost:6379 db 1" in other.reason
    assert seen.unmatched == ()


def test_a_second_instance_that_is_stopped_is_foreign_too(roots):
    unit = service("mastodon-sidekiq-second.service", 0, roots / "second", state="inactive")
    seen = found(roots, units=[unit])
    assert [worker.name for worker in seen.foreign] == [unit.name]


def test_a_wrong_redis_url(roots):
    """Another instance's database: what is there says nothing of our process, even if a pid agrees."""
    seen = found(
        roots,
        [process(root=roots / "live")],
        [service(root=roots / "live")],
        [heartbeat()],
        redis=Redis(host="127.0.0.1", db=1),
    )
    [silent] = seen.unmatched
    assert (silent.worker.name, silent.worker.ours, silent.busy) == (STOCK, True, 3)
    assert "redis_url" in silent.reason and "db 0" in silent.reason
    assert seen.workers[0].unmatched == seen.workers[0].members


def test_an_active_unit_without_a_heartbeat(roots):
    seen = found(roots, [process(root=roots / "live")], [service(root=roots / "live")])
    [silent] = seen.unmatched
    assert (silent.pids, silent.busy) == ((42,), 3)
    assert "SERVER" in silent.reason


def test_a_redis_that_refuses_writes_explains_every_missing_heartbeat(roots):
    seen = found(roots, [process(root=roots / "live")], [service(root=roots / "live")], problem="Redis is full.")
    assert seen.unmatched[0].reason == "Redis is full."


def test_an_active_unit_without_any_process(roots):
    unit = service(root=roots / "live", command="/usr/bin/docker run live bundle exec sidekiq")
    [silent] = found(roots, units=[unit]).unmatched
    assert (silent.pids, silent.busy) == ((), None)
    assert "container" in silent.reason


def test_units_that_run_nothing_are_not_unmatched(roots):
    oneshot = Unit("mastodon-sidekiq.service", "active", "exited", command=COMMAND, directory=str(roots / "live"))
    stopped = service("mastodon-sidekiq-pull.service", 0, roots / "live", state="inactive")
    seen = found(roots, units=[oneshot, stopped])
    assert seen.unmatched == ()
    assert [worker.active for worker in seen.workers] == [False, False]


def test_a_container_below_a_unit_belongs_to_it(roots):
    """As podman's monitor, which is the main process of a quadlet unit, is above the process in the container."""
    inside = process(
        9000,
        None,
        inner_pid=7,
        container="ab" * 32,
        engine="podman",
        names=frozenset(["abababababab"]),
        own_network=True,
    )
    unit = service(pid=8000, command="/usr/bin/podman run live bundle exec sidekiq")
    seen = found(
        roots,
        [inside],
        [unit],
        [heartbeat(7, "abababababab")],
        redis=Redis(host="10.89.0.2"),
        parents={9000: (8000, 1)},
    )
    [worker] = seen.workers
    assert (worker.name, seen.kind, worker.unmatched) == (STOCK, "podman", ())


def test_a_container_without_a_unit(roots):
    inside = process(9000, None, inner_pid=7, container="ab" * 32, engine="docker", names=frozenset(["abababababab"]))
    seen = found(roots, [inside], heartbeats=[heartbeat(7, "abababababab")])
    [worker] = seen.workers
    assert (worker.name, worker.kind, seen.kind) == ("abababababab", "container", "compose")


def test_a_container_of_which_nothing_is_known_is_neither_ours_nor_foreign(roots):
    inside = process(9000, None, inner_pid=7, container="ab" * 32, engine="docker", environment=None)
    seen = found(roots, [inside])
    assert seen.workers == seen.foreign == ()
    assert [silent.worker.ours for silent in seen.unmatched] == [None]


def test_a_process_without_a_unit(roots):
    seen = found(roots, [process(unit="session-3.scope", root=roots / "live")], heartbeats=[heartbeat()])
    [worker] = seen.workers
    assert (worker.name, worker.kind, seen.kind) == ("process 42", "process", "process")


def test_a_unit_that_only_names_sidekiq_does_not_count(roots):
    exporter = service("exporter.service", 77, command="/opt/watch sidekiq")
    seen = found(roots, units=[exporter])
    assert [worker.name for worker in seen.foreign] == ["exporter.service"]
    assert (seen.workers, seen.unmatched, seen.kind) == ((), (), "none")
