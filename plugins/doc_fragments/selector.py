# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say which jobs are meant."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  sets:
    description:
      - Where to look - V(queues) for all queues, and the sorted sets. Default is everywhere.
      - Is no condition on the jobs. To edit every job there, add O(all=true).
    type: list
    elements: str
    choices: [queues, retry, scheduled, dead]
  queues:
    description:
      - Names of queues. Of the sets, the jobs that will go to them.
      - Is no condition on the jobs. To edit every job there, add O(all=true).
      - Names that articles use (C(export), C(federation)) are taken for what they mean, with a warning, unless there is such a queue.
      - A queue that is nowhere, perhaps a slip, brings a warning. There are no wildcards.
    type: list
    elements: str
  classes:
    description:
      - Worker classes as the Web UI shows them, with C(*) and C(?) as wildcards. Mails are C(UserMailer#welcome).
      - Names that articles use (C(ExportWorker), C(AccountMigrationWorker)) are taken for what they mean, with a warning.
    type: list
    elements: str
  jids:
    description:
      - Ids of jobs. Sidekiq's are 24 hexadecimal digits; others are taken, too. There are no wildcards.
    type: list
    elements: str
  args:
    description:
      - The leading arguments of the job; V(null) stands for any value. An archive is C([BACKUP_ID]).
    type: list
    elements: raw
  domains:
    description:
      - Remote servers that the job deals with, as far as its class tells. V(*.example.com) means all subdomains of example.com, but not itself.
      - A name in other letters than the DNS has is taken as Mastodon stores it, with C(xn--). Of a URL, and of a server with a port, the server
        is taken, with a warning. An account, or what can be no name of a server, is an error.
    type: list
    elements: str
  errors:
    description:
      - Error classes, with C(*) and C(?) as wildcards.
    type: list
    elements: str
  error_message:
    description:
      - A Python regular expression that occurs in the error message.
      - An expression that takes more than a second for one message ends the task with an error.
    type: str
  older_than:
    description:
      - Only jobs that have been where they are for longer, such as V(90s), V(15m), V(2h), V(3d).
      - In a queue since they were enqueued, in the retry set since they last failed, in the scheduled set since they were created, in the dead
        set since they died.
    type: str
  newer_than:
    description:
      - The opposite of O(older_than).
    type: str
  min_attempts:
    description:
      - Only jobs that failed at least this often.
    type: int
  tags:
    description:
      - Only jobs with one of these tags.
    type: list
    elements: str
  malformed:
    description:
      - V(true) means only members that are no job at all, V(false) only jobs.
    type: bool
  where:
    description:
      - A JMESPath expression that is true of the job, as RV(fediverse.mastodon.sidekiq_job_info#module:jobs[]) shows it, with its C(args).
    type: str
  all:
    description:
      - Means every job, of those that O(sets) and O(queues) name.
      - An edit without this option and without a condition on the jobs is an error. What every job fulfils is no condition
        (V(false) for O(malformed), V(0) for O(min_attempts), nothing but V(null) in O(args)).
      - A list that is given and empty is a condition that no job fulfils, also with O(all). Where it is to mean every job, leave it out
        (V(default(omit, true\))).
    type: bool
    default: false
notes:
  - White space and commas part the names in O(queues), O(classes), O(jids), O(domains) and O(errors), commas and line breaks those in O(tags). So a
    list may be given as one text.
  - A name that cannot be one by its form, such as a domain with a C(!) or a class in lower case, is an error. A name that can be one and matches
    nothing is none.
requirements:
  - jmespath, for O(where)
"""
