#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mastodon_info
short_description: Show how Mastodon is installed on a host, what runs its Sidekiq, and with which settings
version_added: 1.0.0
description:
  - Reads the Sidekiq processes of the host, the units and containers that run them, and their heartbeats in Redis.
  - Matches a process to its heartbeat by pid, start time and pid namespace. The host name decides only between several candidates, as hosts are
    renamed and containers are named by their id.
  - Compares the Mastodon root, the Redis database and the user of each unit and process with those of the instance at hand, which
    O(mastodon_root) and the connection name. What belongs to another instance is in RV(foreign), never in RV(workers).
  - Says what each worker really runs with. The variables in C(ExecStart=) are replaced as systemd does it, C(EnvironmentFile=) wins over
    C(Environment=), drop-ins are read, and so is the file of C(-C) or the one below the folder of C(-r). What cannot be known, as with a
    command that a shell runs, is null, and RV(workers[].unknown) has the reason.
  - Where O(mastodon_root) does not hold Mastodon, the folder of O(systemd_unit) is taken, as on hosts with YunoHost or NixOS.
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
  sections:
    description:
      - What else to read.
      - V(settings) reads Mastodon's variables, V(limits) asks PostgreSQL for its connections, V(unit_files) returns the text of the unit files
        and drop-ins.
      - A unit file may hold secrets in C(Environment=). Set C(no_log) on a task with V(unit_files).
    type: list
    elements: str
    choices: [settings, limits, unit_files]
    default: [settings, limits]
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

- name: Show the threads and the connections to PostgreSQL of each worker
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.threads }} threads, {{ item.pool }} connections, {{ item.queues | map(attribute='name') | join(', ') }}"
  loop: "{{ mastodon.workers }}"
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
nodename:
  description: The name by which the kernel knows this host, and Sidekiq in Redis.
  returned: success
  type: str
  sample: worker-1.example
release:
  description: The release of Mastodon in RV(root); null if it is not known.
  returned: success
  type: str
  sample: 4.5.1
root:
  description: O(mastodon_root) if it holds Mastodon, or else the folder of O(systemd_unit) if that does; null if neither does.
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
settings:
  description:
    - Mastodon's variables by name, as a process of O(systemd_unit) sees them, each with its C(value) and its C(source), and with what Mastodon's
      own files say (C(in_files)). What the unit sets wins over the files.
    - A value is null unless the variable is known to hold no secret. Empty without V(settings) in O(sections).
  returned: success
  type: dict
  sample:
    DB_POOL: {value: "25", source: mastodon-sidekiq.service, in_files: null}
    DB_PASS: {value: null, source: /home/mastodon/live/.env.production, in_files: null}
limits:
  description: What there is room for.
  returned: success
  type: dict
  contains:
    cores:
      description: Cores of the host that are online.
      returned: success
      type: int
      sample: 4
    memory_bytes:
      description: Memory of the host; null if it is not known.
      returned: success
      type: int
      sample: 8331595776
    memory_available_bytes:
      description: Memory that new processes could take, as the kernel estimates it.
      returned: success
      type: int
      sample: 3172859904
    postgresql:
      description: The connections of PostgreSQL.
      returned: success
      type: dict
      contains:
        max_connections:
          description: The most that it takes; null if it could not be asked.
          returned: success
          type: int
          sample: 100
        reserved:
          description: How many of them it keeps for superusers and privileged roles.
          returned: success
          type: int
          sample: 3
        in_use:
          description: How many clients are connected.
          returned: success
          type: int
          sample: 48
        used_by:
          description: The same by user and database.
          returned: success
          type: dict
          sample: {mastodon@mastodon_production: 48}
        problem:
          description: Why it could not be asked; null if it answered.
          returned: success
          type: str
          sample:
jemalloc:
  description: The name of the library jemalloc as the loader knows it; null if it is not installed.
  returned: success
  type: str
  sample: libjemalloc.so.2
web:
  description:
    - The web server of this instance, its C(processes), and how many connections to PostgreSQL each may open (C(pool)).
    - Null if none is on this host.
  returned: success
  type: dict
  sample: {processes: 2, pool: 5}
streaming:
  description: The same of the streaming servers that run here.
  returned: success
  type: dict
  sample: {processes: 1, pool: 10}
leftovers:
  description: Drop-ins that roles of this collection wrote below /run for the time of their work. Of a role that does not work now, they are what an
    interrupted run left. They go with the next boot.
  returned: success
  type: list
  elements: dict
  sample: []
  contains:
    path:
      description: The file.
      returned: success
      type: str
      sample: /run/systemd/system/mastodon-sidekiq.service.d/zzz-restart-stop.conf
    unit:
      description: The unit that it changes.
      returned: success
      type: str
      sample: mastodon-sidekiq.service
    role:
      description: V(restart), V(workers) or V(federation_rescue).
      returned: success
      type: str
      sample: restart
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
    restarts:
      description: How often systemd started the unit again by itself, since the boot or the last reset.
      returned: success
      type: int
      sample: 0
    memory:
      description: Bytes that the unit uses now; null if it is no unit, does not run, or systemd does not count them.
      returned: success
      type: int
      sample: 412090368
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
    queues:
      description:
        - Its queues with their weights (null for none), those of RV(workers[].capsules) too.
        - As its unit says, or its heartbeat if no unit starts it. Empty if they are not known, see RV(workers[].unknown).
      returned: success
      type: list
      elements: dict
      contains:
        name:
          description: The name of the queue.
          returned: success
          type: str
          sample: default
        weight:
          description: Its weight; null if it has none.
          returned: success
          type: int
          sample: 8
    strict:
      description: Whether it takes a job from a queue only if those before it are empty, as no queue has a weight.
      returned: success
      type: bool
      sample: false
    threads:
      description: Its threads, those of capsules too.
      returned: success
      type: int
      sample: 25
    pool:
      description: How many connections to PostgreSQL it may open, by C(DB_POOL) or the defaults of the release.
      returned: success
      type: int
      sample: 25
    timeout:
      description: Seconds that Sidekiq gives running jobs when it stops (C(-t)).
      returned: success
      type: int
      sample: 25
    capsules:
      description: The capsules of config/sidekiq.yml, each with its C(threads) and C(queues).
      returned: success
      type: dict
      sample: {}
    unknown:
      description: Why something is not known, by the name of the return value.
      returned: success
      type: dict
      sample: {}
    config:
      description: The file that its Sidekiq reads; null if there is none or it is not known.
      returned: success
      type: str
      sample: /home/mastodon/live/config/sidekiq.yml
    sidekiq_yml:
      description:
        - What that file says in production. The command line of the unit wins over it.
        - C(concurrency), C(timeout) and C(queues), each null or empty if it says nothing, and why it is C(unclear).
      returned: success
      type: dict
      sample: {concurrency: 5, timeout: null, queues: [{name: default, weight: 8}], unclear: {}}
    environment:
      description: The variables that the unit and its files set, with C(value) and C(source) as in RV(settings).
      returned: success
      type: dict
      sample:
        DB_POOL: {value: "25", source: mastodon-sidekiq.service}
    memory_high:
      description: Bytes of memory from which on systemd slows it down; null for no limit.
      returned: success
      type: int
      sample: 838860800
    memory_max:
      description: Bytes of memory above which it is killed; null for no limit.
      returned: success
      type: int
      sample: 1073741824
    enabled:
      description: Whether systemd starts it with the host.
      returned: success
      type: bool
      sample: true
    unit_file:
      description: Its unit file; null if it is no unit.
      returned: success
      type: str
      sample: /etc/systemd/system/mastodon-sidekiq.service
    written_by_role:
      description: Whether the role P(fediverse.mastodon.workers#role) wrote that file.
      returned: success
      type: bool
      sample: false
    digest:
      description: The digest of the unit's text from which its process was started, if the role wrote the text.
      returned: success
      type: str
      sample: 0a1b2c3d4e5f6071
    files:
      description: The text of its unit file and drop-ins by path. Empty without V(unit_files) in O(sections).
      returned: success
      type: dict
      sample: {}
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
        db_pool:
          description: C(DB_POOL) in the environment with which it was started; null if it is not set there or cannot be read any more.
          returned: success
          type: int
          sample: 25
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
elsewhere:
  description: Live heartbeats that are certainly those of no process above. Most belong to other hosts.
  returned: success
  type: list
  elements: dict
  contains:
    identity:
      description: Host, pid and a nonce.
      returned: success
      type: str
      sample: worker-2.example:1856:c98a7640857b
    queues:
      description: The queues that it serves.
      returned: success
      type: list
      elements: str
      sample: [pull]
    quiet:
      description: Whether it takes no new jobs.
      returned: success
      type: bool
      sample: false
    killed:
      description: Whether it has the name of this host and a pid that no process here has. Its heartbeat expires within a minute.
      returned: success
      type: bool
      sample: false
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
    run_redis.run_here(mastodon_info.OPTIONS, mastodon_info.installation, mastodon_info.locate)


if __name__ == "__main__":
    main()
