#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: export_build_files
short_description: Remove the files that killed builds of exports left
version_added: 1.0.0
description:
  - A Sidekiq process that is killed while it builds an export leaves its temporary files for good - C(outbox.json), C(archive-...zip) and media, with
    the date and the pid of the process in their names.
  - Removes such files from the temporary directory of the unit. It looks only at regular files of Mastodon's user whose names are of that form. No
    process that is older than the file may have the pid in its name, in any pid namespace, and no process may have the file open.
  - If not all open files of Mastodon's user can be read, nothing is removed and RV(reason) says so.
extends_documentation_fragment:
  - fediverse.mastodon.attributes
options:
  state:
    description: What is to become of the files.
    type: str
    choices: [absent]
    default: absent
  mastodon_root:
    description: Folder with Mastodon's code, also from the environment variable E(MASTODON_ROOT). Its owner is Mastodon's user.
    type: path
    default: /home/mastodon/live
  systemd_unit:
    description: Unit of the Sidekiq process that builds exports, in whose environment the temporary directory is named.
    type: str
    default: mastodon-sidekiq.service
  min_age:
    description: Files that changed later are left alone. At least V(1h).
    type: str
    default: 1h
attributes:
  check_mode:
    support: full
    details:
      - Predicts exactly what the run does.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: fediverse.mastodon.export_storage_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Remove what killed builds left
  fediverse.mastodon.export_build_files:
    min_age: 1d
"""

RETURN = r"""
path:
  description: The temporary directory, as this host sees it; null if it cannot be seen.
  returned: success
  type: str
  sample: /proc/4242/root/tmp
reason:
  description: Why it is not known what was left, null if it is known.
  returned: success
  type: str
  sample: null
count:
  description: How many files were removed.
  returned: success
  type: int
  sample: 41
bytes:
  description: What they took on the disk.
  returned: success
  type: int
  sample: 248512512
files:
  description: The files, a hundred at most.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name in RV(path)., returned: success, type: str, sample: outbox.json20261128-4242-1bq6ow}
    pid: {description: The process that made it., returned: success, type: int, sample: 4242}
    bytes: {description: What it takes on the disk., returned: success, type: int, sample: 1052672}
    age_days: {description: Days since it was changed., returned: success, type: float, sample: 3.2}
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import export_build_files


def main() -> None:
    run_host.run(export_build_files.OPTIONS, export_build_files.remove_build_files)


if __name__ == "__main__":
    main()
