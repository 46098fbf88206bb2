# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What editing and counting jobs costs, beside Ruby's API and beside a plain read of the same jobs."""

from __future__ import annotations

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import redis

from ansible_collections.fediverse.mastodon.tests.benchmarks.table import table, verdict
from ansible_collections.fediverse.mastodon.tests.instance import server
from ansible_collections.fediverse.mastodon.tests.lab import roots

SMALL, LARGE = 100_000, 1_000_000
WANTED = "ActivityPub::LowPriorityDeliveryWorker"
_HERE = pathlib.Path(__file__).parent
_PAGE = 1000
_MEMORY = 120 * 1024**2


class Side(NamedTuple):
    """What one side cost: seconds, bytes, jobs, and the longest step of Redis in milliseconds."""

    seconds: float
    memory: int
    number: int
    step: float


def ruby(_turns: int) -> str:
    """Delete 30 % of a queue of 100,000 jobs by class: Sidekiq::Queue#each { delete } once, and sidekiq_job."""
    root = roots.ensure_root("bookworm")
    with _redis(port=0) as (running, client), tempfile.TemporaryDirectory() as archives:
        _fill(client, SMALL)
        ours = _side(client, running, "edit", {"state": "absent", "classes": [WANTED], "archive_dir": archives})
        _fill(client, SMALL)
        binds = {_HERE: "/mnt/bench"}
        command = ["ruby", "-W0", "/mnt/bench/queue_delete.rb", running.url, WANTED]
        done = roots.command_in(root, command, None, binds, stdout=subprocess.PIPE)
        seconds, count = (done.communicate()[0].decode().split() + ["nan", "0"])[:2]
    ratio = float(seconds) / ours.seconds
    rows = [
        ("Sidekiq 6.4.1, Queue#each { delete }", f"{float(seconds):.1f} s", count, ""),
        ("sidekiq_job state=absent", f"{ours.seconds:.2f} s", str(ours.number), f"longest step {ours.step:.1f} ms"),
        ("times faster", f"{ratio:.0f}", "", f"at least 300: {verdict(ratio >= 300)}"),
    ]
    return table(("delete by class", "time", "jobs deleted", "goal"), rows)


def million(turns: int) -> str:
    """Delete 30 % of a queue of 1,000,000 jobs by class, by remote server and by JMESPath, beside a plain read of it."""
    cases: dict[str, tuple[dict[str, Any], float]] = {
        "by class": ({"classes": [WANTED]}, 1.5),
        "by remote server": ({"domains": ["gone.example"]}, 2.5),
        "by JMESPath": ({"where": "domain == 'gone.example'"}, 2.5),
    }
    rows = []
    with _redis() as (running, client), tempfile.TemporaryDirectory() as archives:
        for name, (selection, allowed) in cases.items():
            ratios, sides = [], []
            for _turn in range(_few(turns)):
                _fill(client, LARGE)
                plain = _side(client, running, "plain_list", {"queue": "push"})
                ours = _side(client, running, "edit", {"state": "absent", "archive_dir": archives, **selection})
                ratios.append(ours.seconds / plain.seconds)
                sides.append((plain, ours))
            rows.append(_row(f"delete {name}", ratios, sides, allowed))
    return table(_HEAD, rows)


def retry(turns: int) -> str:
    """Delete and run 10,000 jobs by error class in a retry set of 100,000, beside a ZSCAN that decodes every member."""
    rows = []
    with _redis() as (running, client), tempfile.TemporaryDirectory() as archives:
        for state in ("absent", "enqueued"):
            ratios, sides = [], []
            for _turn in range(_few(turns)):
                _fill_retry(client, SMALL)
                plain = _side(client, running, "plain_set", {"set": "retry"})
                options = {"state": state, "sets": ["retry"], "errors": ["HTTP::TimeoutError"], "archive_dir": archives}
                ours = _side(client, running, "edit", options)
                ratios.append(ours.seconds / plain.seconds)
                sides.append((plain, ours))
            rows.append(_row(f"state={state} by error class", ratios, sides, 1.5))
    return table(_HEAD, rows)


def histogram(turns: int) -> str:
    """Count 1,000,000 jobs by class and remote server, beside a plain read of them; and how the time grows from 100,000."""
    growth = []
    with _redis() as (running, client):
        ratios, sides = [], []
        for _turn in range(_few(turns)):
            _fill(client, SMALL)
            small = _side(client, running, "histogram", {"all": True})
            _fill(client, LARGE)
            plain = _side(client, running, "plain_list", {"queue": "push"})
            ours = _side(client, running, "histogram", {"all": True})
            ratios.append(ours.seconds / plain.seconds)
            sides.append((plain, ours))
            growth.append(ours.seconds / small.seconds / (LARGE / SMALL))
    slope = statistics.median(growth)
    grown = (
        "10 times the jobs",
        f"{slope:.2f} of 10 times the time",
        "",
        "",
        f"0.8 to 1.2: {verdict(0.8 <= slope <= 1.2)}",
    )
    return table(_HEAD, [_row("sidekiq_job_info", ratios, sides, 1.5), grown])


_HEAD = ("what", "ratio to the plain read", "seconds (plain, ours)", "peak memory, longest step", "goal")


def _row(name: str, ratios: list[float], sides: list[tuple[Side, Side]], allowed: float) -> tuple[str, ...]:
    ratio = statistics.median(ratios)
    plain, ours = (statistics.median(side.seconds for side in each) for each in zip(*sides))
    memory, step = max(ours.memory for _plain, ours in sides), max(ours.step for _plain, ours in sides)
    longest = f"{step:.1f} ms" if step else "under 1 ms"  # the slow log begins there
    goals = f"at most {allowed}: {verdict(ratio <= allowed)}; under 120 MB: {verdict(memory < _MEMORY)}; 10 ms: {verdict(step <= 10)}"
    return name, f"{ratio:.2f}", f"{plain:.2f}, {ours:.2f}", f"{memory / 1024**2:.0f} MB, {longest}", goals


def _few(turns: int) -> int:
    return max(1, turns // 8)


def _redis(port: int | None = None) -> Any:
    return _Running(port)


class _Running:
    """A private redis-server of this machine and a client of it."""

    def __init__(self, port: int | None) -> None:
        self._server = server.running(binary="redis-server", port=port)

    def __enter__(self) -> tuple[server.Server, redis.Redis]:
        running = self._server.__enter__()
        self._client = running.client()
        return running, self._client

    def __exit__(self, *error: Any) -> None:
        self._client.close()
        self._server.__exit__(*error)


def _side(client: redis.Redis, running: server.Server, action: str, options: dict[str, Any]) -> Side:
    client.config_set("slowlog-log-slower-than", 1000)
    client.slowlog_reset()
    command = [sys.executable, str(_HERE / "side.py"), action, str(running.socket), json.dumps(options)]
    done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    step = max((float(entry["duration"]) for entry in client.slowlog_get(128)), default=0.0) / 1000
    return Side(done["seconds"], done["memory"], done["number"], step)


def _fill(client: redis.Redis, count: int) -> None:
    """A queue of jobs of 440 bytes each, 30 % of them wanted."""
    client.flushall()
    client.sadd("queues", "push")
    for start in range(0, count, _PAGE):
        client.lpush("queue:push", *_payloads(start, _PAGE))


def _fill_retry(client: redis.Redis, count: int) -> None:
    """A retry set, 10 % of it with the error that is asked for."""
    client.flushall()
    now = time.time()
    for start in range(0, count, _PAGE):
        entries = {}
        for index, payload in enumerate(_payloads(start, _PAGE)):
            number = start + index
            error = "HTTP::TimeoutError" if number % 10 == 0 else "HTTP::ConnectionError"
            failed = (
                f',"error_class":"{error}","error_message":"no answer","failed_at":{int(now * 1000)},"retry_count":3}}'
            )
            entries[payload[:-1] + failed] = now + 60 + number / 100
        client.zadd("retry", entries)


def _payloads(start: int, count: int) -> Iterator[str]:
    now = int(time.time() * 1000)
    for number in range(start, start + count):
        wanted = number % 10 < 3
        name, host = (WANTED, "gone.example") if wanted else ("ActivityPub::DeliveryWorker", f"s{number % 500}.example")
        activity = json.dumps({"id": f"https://here.example/activities/{number}", "content": "x" * 100})
        arguments = json.dumps([activity, number, f"https://{host}/inbox", {}], separators=(",", ":"))
        yield (
            f'{{"retry":16,"queue":"push","dead":false,"args":{arguments},"class":"{name}","jid":"{number:024x}",'
            f'"created_at":{now + number},"enqueued_at":{now + number}}}'
        )
