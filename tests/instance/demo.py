# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev demo: an instance in trouble, made up on this machine: what is wrong with it, a runbook against that, and its undoing."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

import redis

from ansible_collections.fediverse.mastodon.tests.instance import heartbeat, server, situations
from ansible_collections.fediverse.mastodon.tests.instance.workers import QUEUES

_HOST = "social.example"
_HEALTH = "fediverse.mastodon.health"
_UNDO = "fediverse.mastodon.undo"
_FIX = pathlib.Path(__file__).with_name("fix.yml")
_REASON = "a demonstration"


@dataclasses.dataclass(frozen=True)
class _Runbook:
    """A playbook, the variables with which it is run, that of its reason, and what is done in the same run after it."""

    name: str
    variables: tuple[str, ...]
    reason: str
    more: tuple[str, ...] = ()

    def command(self, *more: str) -> list[str]:
        given = [word for variable in self.variables for word in ("-e", variable)]
        return [f"fediverse.mastodon.{self.name}", *given, *more]


_QUARANTINE = _Runbook(
    "federation_rescue",
    ("federation_rescue_actions=quarantine", "federation_rescue_domains=gone.example"),
    "federation_rescue_reason",
)
_RUNBOOKS = {
    "trouble": dataclasses.replace(_QUARANTINE, more=(os.path.relpath(_FIX),)),
    "dead_domain": _QUARANTINE,
    "stuck_export": _Runbook("export_rescue", ("export_rescue_wait=0",), "export_rescue_reason"),
}
"""For the situations that a runbook can do something about on a machine without systemd and PostgreSQL."""

_WIDTH = 79
_PR_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A save point, as every Mastodon should have one; it is never reached, and nothing is written at the end.
_PERSISTENT = ("--save", "3600 1", "--shutdown-on-sigterm", "nosave")
_COMPARED = ("--enable-debug-command", "local")
_JOBS = (*(f"queue:{name}" for name in QUEUES), "retry", "schedule", "dead")


def main(arguments: Sequence[str]) -> int:
    """Make the instance, show its report, and keep it up while somebody is at the terminal. Returns the exit status."""
    options = _options(arguments)
    for number in _ENDING:
        signal.signal(number, _end)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        with (
            server.running(*_PERSISTENT, *_COMPARED, port=options.port) as running,
            contextlib.closing(running.client()) as client,
        ):
            return _show(running, client, options)
    except server.ServerFailed as error:
        print(f"the demo has no server: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--situation", choices=situations.SITUATIONS, default="trouble", help="what is wrong with it")
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; the default picks a free one")
    parser.add_argument("--no-wait", action="store_true", help="end after the report, also at a terminal")
    return parser.parse_args(arguments)


def _show(running: server.Server, client: redis.Redis, options: argparse.Namespace) -> int:
    situation = situations.SITUATIONS[options.situation]
    began = time.monotonic()
    processes = situation(client)
    _tell(f"Made up an instance of Mastodon in {time.monotonic() - began:.1f} s: {_size_of(client)}.")
    _tell(situation.title)
    _tell("It is there until this ends; nothing else on this machine is touched.")
    with heartbeat.kept_alive(client, processes):
        _tell("")
        _tell(f"$ {shlex.join(['export', *(f'{name}={value}' for name, value in _settings(running).items())])}")
        status = _run(running, [_HEALTH])
        runbook = _RUNBOOKS.get(options.situation)
        if runbook and not status:
            status = _cure_and_undo(running, client, runbook)
        if not status:
            _say_what_is_next(running.url, stays=not options.no_wait and sys.stdin.isatty())
    return status


def _cure_and_undo(running: server.Server, client: redis.Redis, runbook: _Runbook) -> int:
    """See what a runbook would do, let it, see that it is done, undo it; and let Redis itself say whether all is back."""
    size, before = _size_of(client), _digests(client)
    reason = ("-e", json.dumps({runbook.reason: _REASON}))
    for what, more in (
        ("First what it would do; nothing is changed.", ("--check", "--diff")),
        ("For real.", reason),
        ("Once more: it has nothing to do.", reason),
    ):
        status = _run(running, runbook.command(*more), what)
        if status:
            return status
    run = _newest_run(running)
    if run is None:
        print(f"{runbook.name} left no record.", file=sys.stderr)
        return 1
    seen = [*runbook.more, _HEALTH, *(("-e", f"run={run}") if runbook.more else ())]
    what = (
        "Archives that were started more than once, in the same run; then its health again."
        if runbook.more
        else "Its health now."
    )
    status = _run(running, seen, what) or _run(running, [_UNDO, "-e", f"run={run}"], "And all of it back.")
    if status:
        return status
    if _digests(client) != before:
        print(f"It is not as before the fix ({size}), but: {_size_of(client)}.", file=sys.stderr)
        return 1
    _tell(f"Undone: {_size_of(client)}; the same jobs in the same places as before.")
    return 0


def _newest_run(running: server.Server) -> str | None:
    """The name of the record that a runbook has just written."""
    records = (running.socket.parent / ".local" / "state" / "fediverse.mastodon" / "runs").glob("*.json")
    return max((record.stem for record in records), default=None)


def _digests(client: redis.Redis) -> object:
    """One for the members and the order of each queue and set."""
    return client.execute_command("DEBUG DIGEST-VALUE", *_JOBS)


def _size_of(client: redis.Redis) -> str:
    queued = sum(client.llen(f"queue:{name}") for name in QUEUES)
    return f"{queued:,} jobs in its queues, {client.zcard('retry'):,} to be tried again"


def _settings(running: server.Server) -> dict[str, str]:
    """What a user would export: where Redis is, and to see of a playbook its reports and what changes."""
    return {
        "FEDIVERSE_REDIS_URL": running.url,
        "ANSIBLE_DISPLAY_OK_HOSTS": "no",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "no",
    }


def _run(running: server.Server, playbooks: Sequence[str], what: str = "") -> int:
    """Run playbooks as a user would; archives, records and what Ansible writes for itself go away with the server."""
    private = running.socket.parent
    settings = private / "ansible.cfg"
    lines = ["[defaults]", f"home = {private}/ansible", f"remote_tmp = {private}/ansible/tmp"]
    settings.write_text("\n".join([*lines, "[connection]", "pipelining = true", ""]), encoding="utf-8")
    env = dict(os.environ, ANSIBLE_CONFIG=str(settings), HOME=str(private), TMPDIR=str(private), **_settings(running))
    env.setdefault("ANSIBLE_PYTHON_INTERPRETER", sys.executable)
    if sys.stdout.isatty():
        env["ANSIBLE_FORCE_COLOR"] = "1"
    command = ["ansible-playbook", "-i", f"{_HOST},", "-c", "local", *playbooks]
    _tell(f"\n# {what}" if what else "")
    _tell(_wrapped(command))
    with _ended_with_us(command, env) as child:
        status = child.wait()
    if status:
        print(f"{command[0]} ended with exit status {status}", file=sys.stderr)
    return status


def _wrapped(command: Sequence[str]) -> str:
    """A command as it could be typed, in lines that fit a terminal. An option stays with its value."""
    lines, words = ["$"], iter(command)
    for word in words:
        part = shlex.join((word, next(words)) if word in ("-i", "-c", "-e") else (word,))
        if len(lines[-1]) + len(part) > _WIDTH - 3:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += f" {part}"
    return "\n".join(lines)


def _commands(url: str) -> list[list[str]]:
    def module(name: str, options: str = "", *arguments: str) -> list[str]:
        return [
            "ansible",
            "localhost",
            "-m",
            f"fediverse.mastodon.{name}",
            "-a",
            f"redis_url={url} {options}".rstrip(),
            *arguments,
        ]

    return [
        module("sidekiq_info"),
        module("sidekiq_job_info", "sets=retry"),
        module("sidekiq_job", "state=absent queues=pull older_than=1h", "--check", "--diff"),
        module("sidekiq_lock", "state=absent"),
        [
            "ansible-playbook",
            "-i",
            f"{_HOST},",
            "-c",
            "local",
            _HEALTH,
            "-e",
            f"redis_url={url}",
            "-e",
            "health_fail_on=critical",
        ],
    ]


@contextlib.contextmanager
def _ended_with_us(command: Sequence[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command that ends with the block. In a session of its own: Ctrl-C reaches us alone, who then end it."""
    with contextlib.ExitStack() as stack:
        with _signals_held_back():  # one that came while the command starts would leave it running
            others = _children()
            child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
            stack.callback(_finish, child, others)
        yield child


def _finish(child: subprocess.Popen[bytes], others: set[int]) -> None:
    if child.poll() is None:
        # Ansible hands the signal on to its workers, which are in sessions of their own.
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    # What its workers started comes to us; it must not write into a directory that is gone.
    while left := _children() - others:
        for orphan in left:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)


def _children() -> set[int]:
    """The processes whose parent we are."""
    found: set[int] = set()
    for thread in pathlib.Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            found.update(map(int, (thread / "children").read_text().split()))
    return found


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let the signals that end us take effect after the block."""
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _frame: came.append(number)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def _say_what_is_next(url: str, stays: bool) -> None:
    """Say it, and stay up if there is somebody who could do it."""
    while_ = "in another terminal while this one waits" if stays else "at a terminal, where ./dev demo stays up for it"
    _tell(f"\nTry next, {while_}:")
    for command in _commands(url):
        _tell(f"  ./dev exec {shlex.join(command)}")
    if stays:
        with contextlib.suppress(KeyboardInterrupt):
            _tell("\nEnter or Ctrl-C ends it.")
            sys.stdin.readline()


def _tell(line: str) -> None:
    print(line, flush=True)


def _end(number: int, _frame: object) -> NoReturn:
    # A second signal must not stop the clearing up.
    for ending in _ENDING:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
