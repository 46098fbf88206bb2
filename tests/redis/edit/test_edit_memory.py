# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory the modules take, however many jobs there are (./dev soak: a million)."""

from __future__ import annotations

import json

from ansible_collections.fediverse.mastodon.tests.instance import server
from ansible_collections.fediverse.mastodon.tests.redis import measured

JOBS = 300_000
LIMIT = 120 * 1024**2


def fill(client, count, share=0.3):
    """Jobs of 440 bytes, of which a share are deliveries to one server."""
    client.sadd("queues", "push")
    for start in range(0, count, 1000):
        page = []
        for number in range(start, start + 1000):
            meant = number % 10 < share * 10
            inbox = f"https://{'gone' if meant else f'server{number % 997}'}.example/inbox"
            name = "ActivityPub::DeliveryWorker" if meant else "ActivityPub::LowPriorityDeliveryWorker"
            payload = {
                "retry": 16,
                "queue": "push",
                "class": name,
                "args": ["", number, inbox, {}],
                "jid": f"{number:024x}",
            }
            payload.update(created_at=1795331156428 + number, enqueued_at=1795331156428 + number)
            payload["args"][0] = "x" * (440 - len(json.dumps(payload, separators=(",", ":"))))
            page.append(json.dumps(payload, separators=(",", ":")))
        client.lpush("queue:push", *page)


def check(client, socket, directory, count):
    """Runs each; returns the peaks."""
    common = {"redis_socket": str(socket)}
    edit = {**common, "archive_dir": str(directory)}
    peaks = {}

    def run(what, name, **options):
        found = measured.run(name, options)
        assert not found.result.get("failed"), found.result
        peaks[what] = found.peak
        assert found.peak < LIMIT, f"{what}: {found.peak / 1024**2:.0f} MB"
        return found.result

    wanted = count * 3 // 10
    by_class = {"classes": ["ActivityPub::DeliveryWorker"]}
    assert run("counting", "sidekiq_job_info", **common, all=True)["total"] == count
    deleted = run("deleting by class", "sidekiq_job", **edit, state="absent", **by_class)
    assert deleted["edited"] == wanted
    assert run("putting back", "sidekiq_archive", **common, path=deleted["archive"])["restored"] == wanted
    moved = run("moving by domain", "sidekiq_job", **edit, state="moved", to_queue="slow", domains=["gone.example"])
    assert moved["edited"] == wanted
    assert run("moving back", "sidekiq_archive", **common, path=moved["archive"])["restored"] == wanted
    assert run("killing", "sidekiq_job", **edit, state="dead", **by_class)["edited"] == wanted
    assert run("enqueuing", "sidekiq_job", **edit, state="enqueued", sets=["dead"], all=True)["edited"] == wanted
    return peaks


def test_memory_stays_flat(tmp_path):
    with server.running(binary="redis-server") as running, running.client() as client:
        fill(client, JOBS)
        peaks = check(client, running.socket, tmp_path, JOBS)
    print({what: f"{peak / 1024**2:.0f} MB" for what, peak in peaks.items()})
