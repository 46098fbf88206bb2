#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: export_info
short_description: Show the archives that people wait for
version_added: 1.0.0
description:
  - An archive ("export") is a row of C(backups) in PostgreSQL and a C(BackupWorker) job in Sidekiq. This joins the two and says of each archive
    that is not finished whether it waits (where in its queue), is scheduled, runs (since when, in which process), will be tried again (after
    which error), is asked for twice, or is an orphan - a row whose job is gone, because the process that had it was killed.
  - Where a row seems to be an orphan, it waits for the next heartbeats of all processes and looks again. Until then a job that has just begun is
    in no list.
  - Without access to the database the jobs alone are listed; RV(unknown) says what cannot be known then.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.database
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.info_module
options:
  backup_ids:
    description:
      - Only archives of these rows. Those that are finished or gone are listed, too.
    type: list
    elements: int
  user_ids:
    description:
      - Only archives of the users with these ids.
    type: list
    elements: int
  accounts:
    description:
      - Only archives of the local accounts with these names.
    type: list
    elements: str
  database:
    description:
      - Whether to ask PostgreSQL. V(auto) does so if it can be reached and says why not otherwise, V(required) fails then, V(never) does not try.
    type: str
    choices: [auto, required, never]
    default: auto
  measure:
    description:
      - For how many seconds to watch a queue in which archives wait, for RV(exports[].estimate). V(0) does not.
    type: float
    default: 2.0
  heartbeat_timeout:
    description:
      - For how many seconds at most to wait for heartbeats where there may be orphans, or where one of O(backup_ids) has no job.
      - A process beats every five or ten seconds. One that was killed is known to be gone after a minute.
    type: float
    default: 15.0
  sizes:
    description:
      - Whether to add up the media of each account, for RV(exports[].media_bytes).
    type: bool
    default: true
seealso:
  - module: fediverse.mastodon.sidekiq_job_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Look at the archives that people wait for
  fediverse.mastodon.export_info:
  register: archives

- name: Name those that will never come by themselves
  ansible.builtin.debug:
    msg: "{{ archives.exports | selectattr('state', 'eq', 'orphaned') | map(attribute='backup_id') }}"

- name: Has the archive of an account come?
  fediverse.mastodon.export_info:
    accounts:
      - alice
    database: required
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
taken_at:
  description: When this was seen.
  returned: success
  type: str
  sample: "2026-11-22T07:05:56Z"
taken_epoch:
  description: RV(taken_at) in seconds.
  returned: success
  type: float
  sample: 1795331156.021
database:
  description: Whether the database was read. If not, RV(exports) are the jobs alone.
  returned: success
  type: bool
  sample: true
database_reason:
  description: Why it was not.
  returned: success
  type: str
  sample: null
unknown:
  description: What cannot be known without the database; empty with it.
  returned: success
  type: list
  elements: str
  sample: []
total:
  description: Archives that are not finished, whatever was chosen of them.
  returned: success
  type: int
  sample: 3
totals:
  description: RV(total) by state.
  returned: success
  type: dict
  contains:
    waiting: {description: In a queue., returned: success, type: int, sample: 1}
    scheduled: {description: In the scheduled set., returned: success, type: int, sample: 0}
    running: {description: Being built., returned: success, type: int, sample: 1}
    retrying: {description: 'Failed, and to be tried again.', returned: success, type: int, sample: 0}
    duplicated: {description: 'With more than one job, or needless because of RV(exports[].duplicate_of).', returned: success, type: int, sample: 0}
    orphaned: {description: Without a job., returned: success, type: int, sample: 1}
exports:
  description: Archives in the order in which they are expected, orphans last.
  returned: success
  type: list
  elements: dict
  contains:
    backup_id: {description: The id of the row., returned: success, type: int, sample: 22}
    user_id: {description: The id of the user; null without the database., returned: success, type: int, sample: 7}
    account: {description: The name of the account; null without the database., returned: success, type: str, sample: alice}
    state:
      description:
        - V(waiting), V(scheduled), V(running), V(retrying), V(duplicated) or V(orphaned). V(finished) or V(gone) for one of O(backup_ids) that is
          not pending.
        - Without the database none is V(orphaned), V(duplicated) are only jobs for the same row, and one of O(backup_ids) without a job is V(ended).
      returned: success
      type: str
      sample: waiting
    certain:
      description: V(false) for V(orphaned) or V(ended) while a process is silent that may have its job (RV(silent_processes)).
      returned: success
      type: bool
      sample: true
    duplicate_of:
      description: The row of the same user that will be finished first. Mastodon then deletes this one.
      returned: success
      type: int
      sample: null
    created_at: {description: When it was asked for., returned: success, type: str, sample: "2026-11-22T06:00:00Z"}
    created_epoch: {description: The same in seconds., returned: success, type: float, sample: 1795327200.0}
    since_at:
      description: Since when it runs, waits in its queue, or has failed last; for an orphan when it was asked for; when it was finished.
      returned: success
      type: str
      sample: "2026-11-22T06:00:00Z"
    since_epoch: {description: The same in seconds., returned: success, type: float, sample: 1795327200.0}
    age: {description: Seconds since it was asked for., returned: success, type: float, sample: 3956.021}
    estimate:
      description:
        - Seconds until it is begun, at the pace at which its queue emptied during O(measure); of a retry or a scheduled job until it is due.
        - Null where nobody can tell, as when the queue does not move.
      returned: success
      type: float
      sample: 812.5
    jid: {description: The job that will end first., returned: success, type: str, sample: 7315dc4675986a31ef9294ab}
    queue: {description: Its queue., returned: success, type: str, sample: pull}
    position: {description: 'Its place in the queue, 1 is next.', returned: success, type: int, sample: 1241}
    ahead: {description: Jobs that its queue hands out before it., returned: success, type: int, sample: 1240}
    process: {description: The identity of the process in which it runs., returned: success, type: str, sample: null}
    hostname: {description: The host of that process., returned: success, type: str, sample: null}
    pid: {description: Its process id., returned: success, type: int, sample: null}
    beat_age:
      description: Seconds since the process's last heartbeat; null if it has none any more. Above 30 it is in trouble, or was killed.
      returned: success
      type: float
      sample: null
    elapsed: {description: For how many seconds it has run., returned: success, type: float, sample: null}
    attempts: {description: How often it failed., returned: success, type: int, sample: 0}
    error_class: {description: The error of its last failure., returned: success, type: str, sample: null}
    next_try_at: {description: When it is due., returned: success, type: str, sample: null}
    next_try_epoch: {description: The same in seconds., returned: success, type: float, sample: null}
    jids: {description: All its jobs., returned: success, type: list, elements: str, sample: ["7315dc4675986a31ef9294ab"]}
    surplus_jids:
      description: Those of them that could be deleted without a loss. None that runs.
      returned: success
      type: list
      elements: str
      sample: []
    jobs:
      description: All its jobs, the one that will end first leads.
      returned: success
      type: list
      elements: dict
      contains:
        jid: {description: The id of the job., returned: success, type: str, sample: 7315dc4675986a31ef9294ab}
        place: {description: 'V(running), V(queues), V(retry) or V(scheduled).', returned: success, type: str, sample: queues}
        queue: {description: Its queue., returned: success, type: str, sample: pull}
        ahead: {description: Jobs that its queue hands out before it., returned: success, type: int, sample: 1240}
        process: {description: Where it runs., returned: success, type: str, sample: null}
    media_bytes:
      description: The size of the account's media. Twice that is needed to build the archive, and once more to keep it.
      returned: success
      type: int
      sample: 104857600
    bytes: {description: The size of the archive., returned: success, type: int, sample: null}
    path: {description: Its file below the place where Mastodon keeps files., returned: success, type: str, sample: null}
    file_found:
      description:
        - Whether the file of a finished archive that O(backup_ids) names is there.
        - Null for other archives, and where they are not kept in a directory that the task can read.
      returned: success
      type: bool
      sample: null
    file_bytes: {description: The size of that file; null if it was not found., returned: success, type: int, sample: null}
needless_jobs:
  description: Jobs for archives that nobody waits for. They end at once, or build an archive again.
  returned: success
  type: list
  elements: dict
  contains:
    backup_id: {description: The row that they name., returned: success, type: int, sample: 21}
    reason: {description: 'V(no_row), V(finished) or V(no_number).', returned: success, type: str, sample: no_row}
    jid: {description: The id of the job., returned: success, type: str, sample: a0c5f1b2e3d4c5b6a7988990}
    place: {description: 'V(running), V(queues), V(retry) or V(scheduled).', returned: success, type: str, sample: retry}
    queue: {description: Its queue., returned: success, type: str, sample: pull}
    ahead: {description: Jobs that its queue hands out before it., returned: success, type: int, sample: null}
    process: {description: Where it runs., returned: success, type: str, sample: null}
users_with_several:
  description: Users who wait for more than one archive; null without the database.
  returned: success
  type: int
  sample: 0
silent_processes:
  description: Processes that did not say within O(heartbeat_timeout) what they run.
  returned: success
  type: list
  elements: str
  sample: []
completed:
  description: Archives that are finished; null without the database.
  returned: success
  type: dict
  contains:
    count: {description: How many., returned: success, type: int, sample: 12}
    bytes: {description: Their size together., returned: success, type: int, sample: 9663676416}
queues:
  description: Queues in which archives wait.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The queue., returned: success, type: str, sample: pull}
    rate: {description: 'Jobs a second that left it during O(measure); null if that was not measured.', returned: success, type: float, sample: 1.5}
    processes: {description: Processes that take from it., returned: success, type: list, elements: str, sample: ["web1:1856:c98a7640857b"]}
    quiet: {description: Those of them that take nothing new., returned: success, type: list, elements: str, sample: []}
space:
  description: Room for archives, where that is on a disk of the machine where the task runs.
  returned: success
  type: dict
  contains:
    build:
      description: Where archives are built, C(TMPDIR) of Sidekiq or /tmp.
      returned: success
      type: dict
      contains: &disk
        path: {description: The directory., returned: success, type: str, sample: /tmp}
        free_bytes: {description: What an ordinary user may still write., returned: success, type: int, sample: 10737418240}
        total_bytes: {description: The size of the file system., returned: success, type: int, sample: 21474836480}
        free_inodes: {description: Files that it can still hold; null where there is no limit., returned: success, type: int, sample: 1200000}
    keep:
      description: Where finished archives are kept; null with object storage.
      returned: success
      type: dict
      contains: *disk
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import export_info


def main() -> None:
    run_redis.run(export_info.EXPORT_INFO_OPTIONS, export_info.export_info)


if __name__ == "__main__":
    main()
