#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: export_storage_info
short_description: See whether there is room for the archives of accounts
version_added: 1.0.0
description:
  - An archive ("export") is built in the temporary directory of the Sidekiq process that runs C(BackupWorker), and kept where Mastodon
    keeps files. This looks at both, as that process sees them, with its C(PrivateTmp=) and C(ReadWritePaths=), and says whether the next
    archive fits.
  - While it is built, an archive takes 1.02 to 1.28 times the size of the account's media as a rule, twice at most.
  - Where the process cannot be asked, because the unit does not run, the directories are looked at as the host sees them.
  - Lists the files of archives that no row of PostgreSQL needs. It deletes nothing; the role P(fediverse.mastodon.export_storage#role) does.
extends_documentation_fragment:
  - fediverse.mastodon.database
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.info_module
options:
  mastodon_root:
    description:
      - Directory with Mastodon's code, also from the environment variable E(MASTODON_ROOT).
    type: path
    default: /home/mastodon/live
  systemd_unit:
    description:
      - The unit of Sidekiq that builds archives, which is one that serves the queue C(pull).
    type: str
    default: mastodon-sidekiq.service
  threshold:
    description:
      - From how many percent of its space or of its inodes on a file system is said to be full in RV(problems).
    type: float
    default: 80.0
  keep_days:
    description:
      - A file is only in RV(unneeded) if it was not written to for so many days.
    type: int
    default: 14
  database:
    description:
      - Whether to ask PostgreSQL. V(auto) does so if it can be reached and says why not otherwise, V(required) fails then, V(never) does not try.
    type: str
    choices: [auto, required, never]
    default: auto
seealso:
  - module: fediverse.mastodon.export_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: See whether the next archive fits
  fediverse.mastodon.export_storage_info:
  register: storage

- name: Say what is wrong
  ansible.builtin.debug:
    msg: "{{ storage.problems | map(attribute='message') }}"
"""

RETURN = r"""
build:
  description: Where archives are built.
  returned: success
  type: dict
  contains:
    path: {description: 'The directory; null in object storage.', returned: success, type: str, sample: /tmp}
    total_bytes: {description: 'What users may take; null, as the others, if unknown.', returned: success, type: int, sample: 103079215104}
    free_bytes: {description: 'What of that is free.', returned: success, type: int, sample: 42949672960}
    used_percent: {description: 'What of that is taken, as df says it.', returned: success, type: float, sample: 58.3}
    inodes: {description: 'Its inodes; null where they do not run out.', returned: success, type: int, sample: 6553600}
    free_inodes: {description: 'Those that are free.', returned: success, type: int, sample: 6000000}
    inodes_used_percent: {description: 'Those that are taken.', returned: success, type: float, sample: 8.4}
    read_only: {description: 'Whether Sidekiq cannot write there.', returned: success, type: bool, sample: false}
    in_memory: {description: 'Whether it is a tmpfs, so that what lies there takes memory.', returned: success, type: bool, sample: false}
    mount_point: {description: 'Where its file system is mounted.', returned: success, type: str, sample: /}
    filesystem: {description: 'Its type.', returned: success, type: str, sample: ext4}
    mount_options: {description: Options of the mount., returned: success, type: list, elements: str, sample: [rw, relatime]}
    variable: {description: 'The variable that names it; null for the default, /tmp.', returned: success, type: str, sample: TMPDIR}
    private: {description: Whether it is a private one of the unit (C(PrivateTmp=))., returned: success, type: bool, sample: true}
    host_path:
      description: The same directory for root on the host; null while a unit with a private one does not run.
      returned: success
      type: str
      sample: /proc/4711/root/tmp
keep:
  description: Where archives are kept.
  returned: success
  type: dict
  contains:
    path: {description: 'The directory; null in object storage.', returned: success, type: str, sample: /home/mastodon/live/public/system}
    total_bytes: {description: 'What users may take; null, as the others, if unknown.', returned: success, type: int, sample: 103079215104}
    free_bytes: {description: 'What of that is free.', returned: success, type: int, sample: 42949672960}
    used_percent: {description: 'What of that is taken, as df says it.', returned: success, type: float, sample: 58.3}
    inodes: {description: 'Its inodes; null where they do not run out.', returned: success, type: int, sample: 6553600}
    free_inodes: {description: 'Those that are free.', returned: success, type: int, sample: 6000000}
    inodes_used_percent: {description: 'Those that are taken.', returned: success, type: float, sample: 8.4}
    read_only: {description: 'Whether Sidekiq cannot write there.', returned: success, type: bool, sample: false}
    in_memory: {description: 'Whether it is a tmpfs, so that what lies there takes memory.', returned: success, type: bool, sample: false}
    mount_point: {description: 'Where its file system is mounted.', returned: success, type: str, sample: /}
    filesystem: {description: 'Its type.', returned: success, type: str, sample: ext4}
    mount_options: {description: Options of the mount., returned: success, type: list, elements: str, sample: [rw, relatime]}
    service: {description: 'V(local), V(s3), V(swift) or V(azure).', returned: success, type: str, sample: local}
same_disk:
  description: Whether both are on the same file system; null if that cannot be known.
  returned: success
  type: bool
  sample: true
deleted_open:
  description: Files on the file system of RV(build) that were deleted and are still open. They take room until their process ends.
  returned: success
  type: dict
  contains:
    bytes: {description: What they take., returned: success, type: int, sample: 2147483648}
    files: {description: How many there are., returned: success, type: int, sample: 211}
    processes:
      description: Who holds them, the most first, ten at most.
      returned: success
      type: list
      elements: dict
      contains:
        pid: {description: Process id., returned: success, type: int, sample: 4711}
        command: {description: Its name without arguments., returned: success, type: str, sample: ruby}
        files: {description: How many it holds., returned: success, type: int, sample: 211}
        bytes: {description: What these take., returned: success, type: int, sample: 2147483648}
build_files:
  description: What killed builds left. M(fediverse.mastodon.export_build_files) removes the files.
  returned: success
  type: dict
  contains:
    path: {description: 'The temporary directory, as this host sees it; null if it cannot be seen.', returned: success, type: str, sample: /tmp}
    reason: {description: 'Why it is not known what was left; null if it is known.', returned: success, type: str, sample: null}
    count: {description: How many files there are., returned: success, type: int, sample: 3}
    bytes: {description: What they take., returned: success, type: int, sample: 734003200}
    files:
      description: The first hundred of them, each as RV(fediverse.mastodon.export_build_files#module:files).
      returned: success
      type: list
      elements: dict
      sample: [{name: archive-20260903-4242-1bq6ow.zip, pid: 4242, bytes: 734003200, age_days: 2.5}]
database:
  description: Whether PostgreSQL was read. If not, RV(estimate) is unknown and RV(unneeded) is empty.
  returned: success
  type: bool
  sample: true
database_reason:
  description: Why it was not.
  returned: success
  type: str
  sample: null
estimate:
  description: What the next archive needs.
  returned: success
  type: dict
  contains:
    basis:
      description:
        - V(pending) is the largest of those that somebody waits for, V(largest_account) what the account with most media would need,
          V(largest_archive) the largest that there is, where the media cannot be added up in time.
      returned: success
      type: str
      sample: pending
    build_bytes: {description: "What it needs in RV(build) as a rule, 1.3 times the media.", returned: success, type: int, sample: 2791728743}
    build_bytes_at_most: {description: "What it needs there at most, twice the media.", returned: success, type: int, sample: 4294967296}
    keep_bytes: {description: What it needs in RV(keep)., returned: success, type: int, sample: 2147483648}
    fits: {description: Whether there is room in both; null if that cannot be known., returned: success, type: bool, sample: true}
archives:
  description: The files of archives on this host.
  returned: success
  type: dict
  contains:
    files: {description: How many there are., returned: success, type: int, sample: 12}
    bytes: {description: What they take., returned: success, type: int, sample: 5368709120}
    other_files: {description: Files beside them that are no archives by their name. They are never listed., returned: success, type: int, sample: 0}
unneeded:
  description: Files of archives that no row names, older than O(keep_days). Nobody can download them.
  returned: success
  type: list
  elements: dict
  contains:
    path: {description: Path., returned: success, type: str,
           sample: /home/mastodon/live/public/system/backups/dumps/000/000/022/original/archive-20210903060145-0123456789abcdef0123456789abcdef.zip}
    bytes: {description: Size., returned: success, type: int, sample: 1073741824}
    age_days: {description: Days since it was written., returned: success, type: float, sample: 44.6}
unneeded_bytes:
  description: What these take.
  returned: success
  type: int
  sample: 1073741824
problems:
  description: What is wrong, the worst first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description:
        - V(archive_does_not_fit), V(archive_may_not_fit), V(build_read_only), V(keep_read_only), V(build_space), V(keep_space),
          V(build_inodes), V(keep_inodes), V(build_in_memory), V(deleted_but_open) or V(tmpdir_unusable).
      returned: success
      type: str
      sample: build_in_memory
    severity: {description: V(critical) or V(warning)., returned: success, type: str, sample: warning}
    message: {description: A sentence with the figures., returned: success, type: str, sample: "Archives are built in memory: /tmp is a tmpfs of 2.0 GiB."}
    remedy:
      description: What to do.
      returned: success
      type: str
      sample: Set Environment=TMPDIR= of the unit to a directory on a disk, below ReadWritePaths=.
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import export_storage_info


def main() -> None:
    run_host.run(export_storage_info.OPTIONS, export_storage_info.storage_info)


if __name__ == "__main__":
    main()
