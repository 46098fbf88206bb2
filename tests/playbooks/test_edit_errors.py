# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user sees of edits that fail, with -vvv: the sentence, and neither a traceback, a password nor what a job is about."""

from __future__ import annotations

import json

from ansible_collections.fediverse.mastodon.tests.instance import server

SECRET, PASSWORD = "s3cret-post-of-somebody", "0pen-sesame"

TASKS = [
    ("sidekiq_job", {"state": "absent"}, "No condition is given, so this would edit every job there."),
    (
        "sidekiq_job",
        {"state": "absent", "all": True, "max_jobs": 5},
        "More than max_jobs (5) jobs would be edited; nothing was",
    ),
    (
        "sidekiq_job",
        {"state": "absent", "all": True, "archive_dir": "/proc/x"},
        "Set archive_dir to a directory with space",
    ),
    (
        "sidekiq_job",
        {"state": "moved", "all": True, "to_queue": "taken"},
        "The key queue:taken in Redis is no list",
    ),
    (
        "sidekiq_job",
        {"state": "dead", "all": True, "redis_username": "reader"},
        "does not permit the user reader what this task",
    ),
    ("sidekiq_job", {"state": "absent", "where": "args["}, "where"),
    ("sidekiq_archive", {"path": "/etc/hostname"}, "is damaged at line 1: it is no gzip file"),
    (
        "sidekiq_archive",
        {"path": "/nowhere"},
        "The archive /nowhere cannot be read: No such file or directory. Check path",
    ),
    ("sidekiq_lock", {"force": True}, "force frees locks of living jobs, so it needs digests that name them."),
]


def test_errors_as_ansible_shows_them(tmp_path, ansible_playbook):
    with server.running(binary="redis-server") as running:
        client = running.client()
        client.config_set("requirepass", PASSWORD)
        client.execute_command("AUTH", PASSWORD)
        client.acl_setuser("reader", enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], commands=["+@all", "-zadd"])
        client.sadd("queues", "push")
        for number in range(9):
            job = {"class": "A", "args": [SECRET], "jid": f"{number:024x}", "queue": "push"}
            client.lpush("queue:push", json.dumps(job))
        client.set("queue:taken", "x")
        before = client.lrange("queue:push", 0, -1)
        login = {"redis_socket": str(running.socket), "redis_password": PASSWORD}
        tasks = [
            {
                f"fediverse.mastodon.{name}": {**login, "archive_dir": str(tmp_path / "archives"), **options},
                "ignore_errors": True,
            }
            if name == "sidekiq_job"
            else {f"fediverse.mastodon.{name}": {**login, **options}, "ignore_errors": True}
            for name, options, _says in TASKS
        ]
        playbook = tmp_path / "edit.yml"
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        done = ansible_playbook(playbook, "-vvv", "-i", "localhost,", "-c", "local", never=[SECRET])
        assert client.lrange("queue:push", 0, -1) == before
    text = done.text
    assert done.status == 0, text
    assert f"ignored={len(TASKS)}" in text, text
    for _name, _options, says in TASKS:
        assert says in text, (says, text)
    told = [line for line in text.splitlines() if PASSWORD in line and "playbook" not in line.lower()]
    assert told == []
