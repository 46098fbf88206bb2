# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task sidekiq_info costs, and how that depends on the size of the instance."""

from __future__ import annotations

import statistics
import sys

import redis

from ansible_collections.fediverse.mastodon.tests.benchmarks import playbook
from ansible_collections.fediverse.mastodon.tests.benchmarks.table import spread, table, verdict
from ansible_collections.fediverse.mastodon.tests.instance import heartbeat, server, situations

_IMPORT = "import time; began = time.perf_counter(); import redis; print(time.perf_counter() - began)"
_MODULE = "fediverse.mastodon.sidekiq_info"
ALLOWED = 0.1
"""Seconds that a task may cost more than a ping and an import of redis-py."""
ALLOWED_RATIO = 1.1


def task(turns: int) -> str:
    """A task sidekiq_info beside ansible.builtin.ping and a bare `import redis`, taking turns in one play."""
    with server.running() as running, running.client() as client, playbook.controller() as controller:
        tasks = [
            {"name": "ping", "ansible.builtin.ping": {}},
            {"name": "import", "ansible.builtin.command": {"argv": [sys.executable, "-c", _IMPORT]}},
            {"name": "info", _MODULE: {"redis_url": running.url}},
        ]
        with heartbeat.kept_alive(client, situations.queues_and_processes(client, 7, 1), every=5.0):
            done = controller.run(playbook.repeated(tasks, turns + 1), {"localhost": {}})
    imports = [float(found.stdout or "nan") for found in done.tasks if found.name == "import"]
    turn = list(zip(done.of("ping"), imports, done.of("info")))[1:]  # the first fills the caches
    over = statistics.median(info - ping - imported for ping, imported, info in turn)
    ratio = statistics.median(info / (ping + imported) for ping, imported, info in turn)
    rows = [
        ("ansible.builtin.ping", spread([ping for ping, _import, _info in turn]), ""),
        (f"import redis {redis.__version__}", spread([imported for _ping, imported, _info in turn]), ""),
        ("sidekiq_info", spread([info for _ping, _import, info in turn]), ""),
        ("sidekiq_info / (ping + import)", f"{ratio:.2f}", ""),
        ("sidekiq_info - ping - import", f"{over:+.3f} s", f"at most +{ALLOWED} s: {verdict(over <= ALLOWED)}"),
    ]
    return table(("task", f"median of {turns} turns (quartiles)", "goal"), rows)


def width(turns: int) -> str:
    """sidekiq_info over 50 queues and 20 processes beside 7 queues and 1 process, taking turns in one play."""
    sizes = {"narrow": (7, 1), "wide": (50, 20)}
    with server.running() as running, playbook.controller() as controller:
        narrow, wide = (running.client(db) for db in range(2))
        tasks = [
            {"name": name, _MODULE: {"redis_socket": str(running.socket), "redis_db": db}}
            for db, name in enumerate(sizes)
        ]
        with (
            heartbeat.kept_alive(narrow, situations.queues_and_processes(narrow, *sizes["narrow"]), every=5.0),
            heartbeat.kept_alive(wide, situations.queues_and_processes(wide, *sizes["wide"]), every=5.0),
        ):
            done = controller.run(playbook.repeated(tasks, turns + 1), {"localhost": {}})
    pairs = list(zip(done.of("narrow"), done.of("wide")))[1:]
    ratio = statistics.median(after / before for before, after in pairs)
    rows = [
        ("7 queues, 1 process", spread([seconds for seconds, _other in pairs]), ""),
        ("50 queues, 20 processes", spread([seconds for _other, seconds in pairs]), ""),
        ("ratio", f"{ratio:.3f}", f"at most {ALLOWED_RATIO}: {verdict(ratio <= ALLOWED_RATIO)}"),
    ]
    return table(("sidekiq_info over", f"median of {turns} turns (quartiles)", "goal"), rows)
