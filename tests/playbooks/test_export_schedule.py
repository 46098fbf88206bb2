# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/export_schedule.yml as an admin runs it: a real Redis, a real PostgreSQL, an instance in trouble."""

from __future__ import annotations

import contextlib
import json
import re

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import server, situations
from ansible_collections.fediverse.mastodon.tests.lab import postgres


@pytest.fixture
def schedule(tmp_path, ansible_playbook):
    """Runs the playbook over an instance in trouble and one that cannot be reached; returns all that it printed."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres.running())
        redis = stack.enter_context(server.running("--save", ""))
        client = stack.enter_context(contextlib.closing(redis.client()))
        situations.trouble(client, scale=0.02)
        user = database.add_user("alice", [1000])
        # rows for the jobs of the instance, and one without
        database.sql(
            f"INSERT INTO backups (id, user_id, created_at, updated_at) SELECT n, {user} + n, now(), now() FROM unnest(ARRAY"
            f"[{', '.join(map(str, rows_of(client)))}]::bigint[]) n ON CONFLICT DO NOTHING".replace(
                f"{user} + n", "NULL"
            )
        )
        orphan = database.add_backup(user)
        hosts = {
            "social.example": {"ansible_connection": "local", "redis_url": redis.url, "database_url": database.url},
            "gone.example": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        }
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")

        def run(*arguments, playbook="fediverse.mastodon.export_schedule", **variables):
            never = ["private.example", postgres.PASSWORD]
            done = ansible_playbook(playbook, "-i", "hosts.json", *arguments, variables=variables, never=never)
            assert done.status == 0, done.text
            [report] = re.findall(
                r"^TASK \[Print the report\] \*+\n\n(.*?)\n\n?ok: \[", done.text, re.DOTALL | re.MULTILINE
            )
            return report

        yield run, orphan, client, database


def rows_of(client):
    jobs = [*client.zrange("retry", 0, -1), *client.lrange("queue:pull", 0, -1)]
    return sorted({json.loads(job)["args"][0] for job in jobs if b'"BackupWorker"' in job})


def test_the_whole_schedule_is_on_one_screen(schedule):
    run, orphan, client, _database = schedule
    before = client.dbsize()
    options = {"heartbeat_timeout": 0, "measure": 0.1}
    report = run(export_schedule_options=options)
    assert max(map(len, report.splitlines())) <= 79
    assert re.search(rf"^orphaned +alice +{orphan} +60 min ", report, re.MULTILINE)
    for state in ("waiting", "retrying", "duplicated"):
        assert re.search(rf"^{state} ", report, re.MULTILINE), report
    assert "state=enqueued all=true" in report
    assert re.search(r"^== gone.example =+ unreachable$", report, re.MULTILINE)
    assert report.index("== social.example") < report.index("== gone.example")
    assert client.dbsize() == before
    without = run("--check", "--limit", "social.example", export_schedule_options={**options, "database": "never"})
    assert "Without the database (database is never)" in without
    assert not re.search("^orphaned ", without, re.MULTILINE)


RELEASE = """
- name: Give an export free, with a record
  hosts: social.example
  gather_facts: false
  tasks:
    - name: Begin a record
      fediverse.mastodon.run_record:
        runbook: export_rescue
        reason: test
      register: begun
    - name: Release
      fediverse.mastodon.export:
        state: released
        backup_ids:
          - {orphan}
        redis_url: "{{{{ redis_url }}}}"
        database_url: "{{{{ database_url }}}}"
      register: released
    - name: Write down the record
      fediverse.mastodon.run_record:
        run: "{{{{ begun.run }}}}"
        archives:
          - "{{{{ released.record }}}}"
    - name: Print the report
      fediverse.mastodon.report:
        text: "{{{{ begun.run }}}}"
"""


def test_undo_puts_back_a_row_that_was_given_free(schedule, tmp_path):
    run, orphan, client, database = schedule
    client.delete("processes")  # none that could have its job
    before = database.rows()
    (tmp_path / "release.yml").write_text(RELEASE.format(orphan=orphan), encoding="utf-8")
    name = run(playbook="release.yml")
    assert len(database.rows()) == len(before) - 1
    undone = run("--limit", "social.example", playbook="fediverse.mastodon.undo", run=name)
    assert "1 rows of exports are back." in " ".join(undone.split())
    assert database.rows() == before
