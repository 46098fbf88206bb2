#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mastodon_info
short_description: Show what runs Sidekiq on a host, and whose it is
version_added: 1.0.0
description:
  - Reads the Sidekiq processes of the host, the units and containers that run them, and their heartbeats in Redis.
  - Matches a process to its heartbeat by pid, start time and pid namespace. The host name decides only between several candidates, as hosts are
    renamed and containers are named by their id.
  - Compares the Mastodon root, the Redis database and the user of each unit and process with those of the instance at hand, which
    O(mastodon_root) and the connection name. What belongs to another instance is in RV(foreign), never in RV(workers).
  - Also answers where Redis cannot be read. Every process is in RV(unmatched) then.
  - Run the task as root, on the host where Sidekiq runs. Other users cannot see the environment and the folder of a process.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.info_module
options:
  units:
    description:
      - Units that are meant to run Sidekiq, as systemctl takes them. Patterns are allowed.
      - Other units whose command or control group has Sidekiq in it are found without being named here.
    type: list
    elements: str
    default:
      - mastodon-sidekiq*.service
notes:
  - Whether Redis takes writes is tested with LPUSHX on a list that does not exist, which changes nothing. A Redis user who may not run
    LPUSHX is assumed to be able to write.
seealso:
  - module: fediverse.mastodon.sidekiq_info
  - module: fediverse.mastodon.sidekiq_process
  - module: fediverse.mastodon.sidekiq_host_process
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Read what runs Sidekiq here
  fediverse.mastodon.mastodon_info:
  become: true
  register: mastodon

- name: Name the units whose jobs Redis does not show
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.reason }}"
  loop: "{{ mastodon.unmatched }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
kind:
  description:
    - What runs the Sidekiq of this instance here. V(process) is a process that neither a unit nor a container started, V(none) is nothing.
  returned: success
  type: str
  sample: systemd
systemd:
  description: Whether systemd runs on this host.
  returned: success
  type: bool
  sample: true
root:
  description: O(mastodon_root), if it holds Mastodon; null if not.
  returned: success
  type: str
  sample: /home/mastodon/live
user:
  description: Who owns RV(root); null if root does, as this does not tell who runs it.
  returned: success
  type: str
  sample: mastodon
redis:
  description: The Redis of the instance at hand.
  returned: success
  type: dict
  contains:
    server:
      description: Its address, without any password; null if nothing tells it.
      returned: success
      type: str
      sample: 127.0.0.1:6379 db 0
    database:
      description: The number of its database.
      returned: success
      type: int
      sample: 0
    readable:
      description: Whether the heartbeats could be read.
      returned: success
      type: bool
      sample: true
    writable:
      description: Whether it takes writes. A process cannot store a heartbeat otherwise.
      returned: success
      type: bool
      sample: true
    problem:
      description: Why it cannot be read or takes no writes; null if it does both. No heartbeat is missing for certain then.
      returned: success
      type: str
      sample:
workers:
  description:
    - What runs Sidekiq for this instance. Units first, also those that are stopped, then containers and processes that no unit runs.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The unit, the short id of the container, or C(process) and the pid.
      returned: success
      type: str
      sample: mastodon-sidekiq.service
    kind:
      description: V(service), V(container) or V(process). A container that a unit runs is a V(service).
      returned: success
      type: str
      sample: service
    state:
      description: The state of the unit, as systemd calls it. V(active) for a container or process.
      returned: success
      type: str
      sample: active
    running:
      description: Whether it runs anything. A oneshot unit can be active without.
      returned: success
      type: bool
      sample: true
    main_pid:
      description: The main process of the unit, which need not be Sidekiq; V(0) if none runs.
      returned: success
      type: int
      sample: 1856
    pids:
      description: Its Sidekiq processes, as this host numbers them.
      returned: success
      type: list
      elements: int
      sample: [1856]
    user:
      description: The user of the process or unit; null if it is not known, as in a container.
      returned: success
      type: str
      sample: mastodon
    root:
      description: Its Mastodon root; null if it is not known.
      returned: success
      type: str
      sample: /home/mastodon/live
    stop_timeout:
      description: Seconds after which systemd kills it when it is stopped. Null if it has no limit or is no unit.
      returned: success
      type: float
      sample: 15.0
    restart:
      description: When systemd starts it again, as the directive C(Restart=) of the unit says.
      returned: success
      type: str
      sample: always
    starts_again:
      description: Whether systemd starts it again when it ends by itself.
      returned: success
      type: bool
      sample: true
    need_daemon_reload:
      description: Whether its unit file has changed since systemd read it.
      returned: success
      type: bool
      sample: false
    container:
      description: The full id of the container; null if it runs in none.
      returned: success
      type: str
      sample:
    engine:
      description: V(docker), V(podman) or V(kubernetes); null if it is another one or none.
      returned: success
      type: str
      sample:
    doubt:
      description:
        - Why it may belong to another instance, because nothing tells or its settings contradict those of the task; null if it is certainly of this
          one. It must not be changed or stopped.
      returned: success
      type: str
      sample:
    processes:
      description: The heartbeats in Redis that are certainly those of its processes.
      returned: success
      type: list
      elements: dict
      contains:
        identity:
          description: Host, pid and a nonce.
          returned: success
          type: str
          sample: worker-1.example:1856:c98a7640857b
        pid:
          description: The process, as this host numbers it.
          returned: success
          type: int
          sample: 1856
        ticks:
          description: When it started, in clock ticks since the boot. Together with RV(workers[].processes[].pid) this names one process.
          returned: success
          type: int
          sample: 4242
        busy:
          description: Threads that ran a job at its last heartbeat.
          returned: success
          type: int
          sample: 2
        quiet:
          description: Whether it takes no new jobs.
          returned: success
          type: bool
          sample: false
        alive:
          description: Whether its heartbeat has not expired.
          returned: success
          type: bool
          sample: true
        named:
          description: Whether its host name agrees, too. It does not after the host was renamed.
          returned: success
          type: bool
          sample: true
        started_at:
          description: When Sidekiq started.
          returned: success
          type: str
          sample: "2026-11-22T07:04:44Z"
        started_epoch:
          description: RV(workers[].processes[].started_at) in epoch seconds.
          returned: success
          type: float
          sample: 1795331084.2
unmatched:
  description: What runs Sidekiq but matches no heartbeat. How many jobs run there, and which, cannot be told. It is not safe to stop.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: As in RV(workers[].name).
      returned: success
      type: str
      sample: mastodon-sidekiq-pull.service
    kind:
      description: As in RV(workers[].kind).
      returned: success
      type: str
      sample: service
    ours:
      description: Whether it belongs to this instance; null if that cannot be told.
      returned: success
      type: bool
      sample: true
    pids:
      description: The Sidekiq processes without a heartbeat; empty if none is visible.
      returned: success
      type: list
      elements: int
      sample: [1857]
    processes:
      description: The same processes as O(fediverse.mastodon.sidekiq_host_process#module:processes) takes them.
      returned: success
      type: list
      elements: dict
      contains:
        pid:
          description: As in RV(unmatched[].pids).
          returned: success
          type: int
          sample: 1857
        ticks:
          description: When it started, in clock ticks since the boot.
          returned: success
          type: int
          sample: 4243
    busy:
      description: How many jobs they run, as their titles say; null if those do not.
      returned: success
      type: int
      sample: 3
    starting:
      description: Whether it is so young that its first heartbeat may still come. Wait and read again.
      returned: success
      type: bool
      sample: false
    reason:
      description: Why no heartbeat is certainly its own.
      returned: success
      type: str
      sample: "No live heartbeat in Redis at 127.0.0.1:6379 db 1 has its pid 1857: ..."
foreign:
  description: What looks like Sidekiq but belongs to another instance or program. It must be left alone.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: As in RV(workers[].name).
      returned: success
      type: str
      sample: mastodon-sidekiq-second.service
    kind:
      description: As in RV(workers[].kind).
      returned: success
      type: str
      sample: service
    running:
      description: As in RV(workers[].running).
      returned: success
      type: bool
      sample: true
    pids:
      description: As in RV(workers[].pids).
      returned: success
      type: list
      elements: int
      sample: [2001]
    user:
      description: As in RV(workers[].user).
      returned: success
      type: str
      sample: second
    root:
      description: As in RV(workers[].root).
      returned: success
      type: str
      sample: /home/second/live
    redis:
      description: The Redis that its settings name, without any password; null if that is not known.
      returned: success
      type: str
      sample: localhost:6379 db 1
    identities:
      description: Its heartbeats, if they are in the Redis at hand.
      returned: success
      type: list
      elements: str
      sample: []
    reason:
      description: What differs.
      returned: success
      type: str
      sample: Its Mastodon root is /home/second/live, not /home/mastodon/live.
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import mastodon_info


def main() -> None:
    run_redis.run_here(mastodon_info.OPTIONS, mastodon_info.installation)


if __name__ == "__main__":
    main()
