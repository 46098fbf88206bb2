# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Sidekiq is killed while it builds an archive; the job that we put back is the one that Mastodon wrote, and is run."""

from __future__ import annotations

import json

from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import sidekiq
from ansible_collections.fediverse.mastodon.tests.redis import modules
from ansible_collections.fediverse.mastodon.tests.redis.waiting import wait_for

QUEUES = ("default", "pull")


def without(raw, *names):
    """The text of a payload with other values for some fields, the same order and spacing."""
    found = json.loads(raw)
    kinds = {name: type(found[name]).__name__ for name in names}
    return json.dumps({**found, **kinds}, separators=(",", ":"))


def test_an_archive_is_built_after_its_process_was_killed(live, postgres, tmp_path):
    client = live.client
    client.flushall()
    number = postgres.add_backup(postgres.add_user("alice"))
    options = {"redis_url": live.url, "database_url": postgres.url, "mastodon_root": str(tmp_path)}

    def seen():
        [export] = modules.run("export_info", **options, measure=0, heartbeat_timeout=15)["exports"]
        return export

    jid = live.judge.push("BackupWorker", number)
    [written] = client.lrange("queue:pull", 0, -1)
    assert (seen()["state"], seen()["jid"]) == ("waiting", jid)
    client.hset("lab:orders", "BackupWorker", "hang")
    with sidekiq(live.release, live.url, live.directory, QUEUES, tag="killed") as process:
        # it begins at once, and says so with its next heartbeat; until then no orphan is seen
        wait_for("the archive has begun", 300, lambda: not client.llen("queue:pull"))
        export = seen()
        assert (export["state"], export["process"]) == ("running", process.identity)
        assert (export["jid"], export["pid"]) == (jid, process.process.pid)
        refused = modules.run("export", state="enqueued", backup_ids=[number], **options, heartbeat_timeout=15)
        assert refused["exports"][0]["reason"] == "has_job" and not refused["changed"]
        process.kill()
        # what Redis does a minute after the last heartbeat
        client.delete(process.identity, f"{process.identity}:work", f"{process.identity}:workers")
    assert seen()["state"] == "orphaned"
    client.delete("lab:orders")
    done = modules.run("export", state="enqueued", backup_ids=[number], **options, min_age="0")
    again = modules.run("export", state="enqueued", backup_ids=[number], **options, min_age="0")
    assert (done["changed"], again["changed"]) == (True, False)
    [ours] = client.lrange("queue:pull", 0, -1)
    fields = ("jid", "created_at", "enqueued_at")
    assert without(ours, *fields) == without(written, *fields), "as the Ruby client of this release wrote it"
    [shown] = [job for queue in live.judge.ask("queues") for job in queue["jobs"]]
    assert (shown["class"], shown["display_args"], shown["jid"]) == (
        "BackupWorker",
        [number],
        done["exports"][0]["jid"],
    )
    # the order is given to the job by its jid, and names its arguments when it fails
    client.hset("lab:orders", shown["jid"], "fail Lab::Built it ran")
    with sidekiq(live.release, live.url, live.directory, QUEUES, tag="second"):
        [failed] = wait_for("the job has run", 300, lambda: client.zrange("retry", 0, -1))
    ran = json.loads(failed)
    assert (ran["jid"], ran["args"], ran["error_class"]) == (shown["jid"], [number], "Lab::Built")
    export = seen()
    assert (export["state"], export["attempts"], export["error_class"]) == ("retrying", 1, "Lab::Built")
