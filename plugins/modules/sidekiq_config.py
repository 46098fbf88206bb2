#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_config
short_description: Set concurrency, queues and timeout in config/sidekiq.yml
version_added: 1.0.0
description:
  - Edits the lines that hold these values and no other byte. ERB, comments, quotes, order, line ends, owner and mode stay.
  - A number that ERB takes from a variable, such as C(<%= ENV.fetch('SIDEKIQ_CONCURRENCY', 5) %>), gets another default; the ERB stays.
  - Of the queues, those that stay keep their lines, new ones come last, and those that are not wanted go.
  - What cannot be edited safely is left alone, and the task fails with the line and the reason, in check mode as well. That is so for values
    that are made by other ERB, stand in a block of ERB, or come from an anchor, an alias or a merge key, for keys that are there twice,
    for lists in brackets over several lines, and for a file that is no plain YAML mapping. Without any of O(concurrency), O(queues) and O(timeout)
    it does not fail and says so in RV(editable) and RV(reason).
  - It warns if the value has no effect, because the unit starts Sidekiq with C(-c), C(-q) or C(-t), as Mastodon's own unit does with
    C(-c 25); because a variable is set; or because the section production says something else.
  - The file belongs to the git checkout of Mastodon. If an upgrade changes the file too, C(git checkout) refuses until you stash the edit;
    run the task again after the upgrade.
  - Sidekiq reads the file when it starts. This module restarts nothing.
extends_documentation_fragment:
  - fediverse.mastodon.attributes
attributes:
  check_mode:
    support: full
    details:
      - Predicts exactly what the run does, O(validate) included.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description:
      - The file. By default C(config/sidekiq.yml) in O(mastodon_root). Where it is a symbolic link, the file behind that is edited. What is no
        regular file is refused.
    type: path
  environment:
    description:
      - Edits the section of this environment, such as V(production), which is made if there is none. What stands in it wins over the top
        of the file, key by key. By default the top of the file is edited, as Mastodon has no sections.
    type: str
  concurrency:
    description:
      - Threads of a process. By default it is left as it is.
    type: int
  queues:
    description:
      - All queues, each as a name, as a dictionary with V(name) and V(weight), or as V(name,weight) like C(sidekiq -q) takes it. By default
        they are left as they are.
      - A name is a text of printable characters without blanks, commas, quotes, backslashes and C(<%), and does not begin with a colon.
      - If none has a weight, Sidekiq works off the first queue first, and the lines are put into this order. If one has, it
        draws lots by weight, their order means nothing, and they stay in that of the file.
    type: list
    elements: raw
  timeout:
    description:
      - Seconds that running jobs have to end when Sidekiq stops. By default it is left as it is.
    type: int
  backup:
    description:
      - Keeps a copy of the file, with the time in its name, beside it.
    type: bool
    default: false
  validate:
    description:
      - A command that must succeed before the file is put into its place; C(%s) in it stands for the new file. It is run without a shell.
    type: str
  mastodon_root:
    description:
      - Directory with Mastodon's code, also from the environment variable E(MASTODON_ROOT).
    type: path
    default: /home/mastodon/live
  systemd_unit:
    description:
      - The unit of Sidekiq whose command line and environment are looked at for the warnings.
    type: str
    default: mastodon-sidekiq.service
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Ten threads, and half a minute to end
  fediverse.mastodon.sidekiq_config:
    concurrency: 10
    timeout: 30

- name: Weights for an instance that many follow
  fediverse.mastodon.sidekiq_config:
    queues:
      - name: default
        weight: 8
      - name: push
        weight: 6
      - name: ingress
        weight: 8
      - name: mailers
        weight: 2
      - pull
      - scheduler
      - fasp
    backup: true
    validate: >-
      ruby -r erb -r yaml -e
      'YAML.safe_load(ERB.new(File.read(ARGV[0])).result, permitted_classes: [Symbol], aliases: true).fetch(:queues)' %s

- name: Fewer threads where Mastodon is developed
  fediverse.mastodon.sidekiq_config:
    path: /srv/mastodon/config/sidekiq.yml
    environment: development
    concurrency: 2

- name: See what is set
  fediverse.mastodon.sidekiq_config:
  register: sidekiq_yml
"""

RETURN = r"""
# A task that fails because the file cannot be edited returns all of them, too.
file:
  description: The file.
  returned: success
  type: str
  sample: /home/mastodon/live/config/sidekiq.yml
before:
  description: What the file, or the section, said; null for what is not there or cannot be read. A number from ERB is its default.
  returned: success
  type: dict
  contains:
    concurrency:
      description: Threads of a process.
      returned: success
      type: int
      sample: 5
    queues:
      description: Queues with their weights, in the order of the file.
      returned: success
      type: list
      elements: dict
      contains:
        name:
          description: Name.
          returned: success
          type: str
          sample: default
        weight:
          description: Weight; null is none.
          returned: success
          type: int
          sample: 8
    timeout:
      description: Seconds that running jobs have to end.
      returned: success
      type: int
      sample: 25
after:
  description: What it says now, or would.
  returned: success
  type: dict
  contains:
    concurrency:
      description: Threads of a process.
      returned: success
      type: int
      sample: 5
    queues:
      description: Queues with their weights, in the order of the file.
      returned: success
      type: list
      elements: dict
      contains:
        name:
          description: Name.
          returned: success
          type: str
          sample: default
        weight:
          description: Weight; null is none.
          returned: success
          type: int
          sample: 8
    timeout:
      description: Seconds that running jobs have to end.
      returned: success
      type: int
      sample: 25
backup_file:
  description: The copy of the old file; null if none was made.
  returned: success
  type: str
  sample: /home/mastodon/live/config/sidekiq.yml.4711.2026-11-22@07:05:56~
editable:
  description: Whether the values can be edited.
  returned: success
  type: bool
  sample: true
reason:
  description: Why they cannot, with the line; null if they can.
  returned: success
  type: str
  sample: "line 2: the value is made by ERB: <%= Etc.nprocessors %>"
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_config


def main() -> None:
    run_host.run(sidekiq_config.OPTIONS, sidekiq_config.configure)


if __name__ == "__main__":
    main()
