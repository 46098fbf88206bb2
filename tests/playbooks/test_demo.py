# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev demo as its visitors meet it: at a terminal, without one, and when they have enough of it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

DEMO = [sys.executable, str(pathlib.Path(__file__).parents[1] / "instance" / "demo.py")]
STAND_IN = """#!/bin/sh
echo "a report that takes its time"
sleep 600
"""
LOSES_A_JOB = f"""#!{sys.executable}
import redis, sys
url = next(argument.partition("=")[2] for argument in sys.argv if argument.startswith("redis_url="))
if any(argument.endswith("cure.yml") for argument in sys.argv):
    redis.Redis.from_url(url).rpop("queue:pull")
"""


@pytest.fixture
def place():
    """A short path for temporary files (a socket's name has little room), to see what is left in it."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="d-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def environment(place):
    env = dict(os.environ, TMPDIR=str(place))
    env["PATH"] = os.pathsep.join((str(pathlib.Path(sys.executable).parent), env["PATH"]))
    return env


def left_running(place):
    """The command lines of all processes that have this place for temporary files."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={place}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def eventually(what, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def nothing_left(place):
    return not left_running(place) and not list(place.iterdir())


def read_until(descriptor, text, seconds=60.0):
    """What comes from a terminal or a pipe, up to this text."""
    seen, deadline = b"", time.monotonic() + seconds
    while text.encode() not in seen:
        more = b""
        ready, _writable, _failed = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if ready:
            with contextlib.suppress(OSError):  # a terminal whose other end is closed
                more = os.read(descriptor, 65536)
        assert more, f"{text!r} did not come:\n{seen.decode(errors='replace')}"
        seen += more
    return seen.decode(errors="replace")


def rules(report):
    """The rules that found something, by a report."""
    return set(re.findall(r"\[(\w+)\]$", report, re.MULTILINE))


def test_without_a_terminal_it_shows_report_and_cure_and_ends(place):
    began = time.monotonic()
    done = subprocess.run(
        DEMO, env=environment(place), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 60, "less than 10 s on an idle machine"
    report, cure = done.stdout.split("\nPLAY [Cure]")
    assert "74,404 jobs in its queues" in report
    found = rules(report)
    assert found >= {"export_retrying", "export_duplicated", "export_waiting"}
    assert found >= {"domain_holds_threads", "domain_fills_retry", "queue_late"}
    assert found >= {"scheduled_not_moving", "retries_not_moving", "recurring_overdue", "ghost_processes"}
    assert "locks_orphaned" in found
    in_check_mode, _applied, seen_again, undone = re.split(
        r"^TASK \[Keep one job of each export\]|^PLAY \[(?:Health of Sidekiq|Undo)\]", cure, flags=re.MULTILINE
    )
    for line in ('-        "BackupWorker": 2', '+        "BackupWorker": 0', '-        "gone.example": 7000'):
        assert f"\n{line}\n" in in_check_mode
    assert found - rules(seen_again) == {"export_duplicated", "domain_fills_retry"}
    assert "enqueued 70,404  retry 832" in seen_again
    assert ": 7000 jobs)" in undone and ": 2 jobs)" in undone
    end = "Undone: 74,404 jobs in its queues, 3,834 to be tried again; the same jobs in the same places as before."
    assert f"\n{end}\n" in undone
    assert "Try next, at a terminal" in undone and "--check --diff" in undone
    assert "/inbox" not in done.stdout, "an argument of a job"
    assert eventually(lambda: nothing_left(place)), left_running(place)


def test_it_says_when_the_undoing_loses_a_job(place, tmp_path):
    env = with_another_ansible(environment(place), tmp_path, LOSES_A_JOB)
    demo = [*DEMO, "--situation", "stuck_export"]
    done = subprocess.run(
        demo, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "It is not as before the cure (20,404 jobs in its queues" in done.stderr
    assert "but: 20,403 jobs in its queues" in done.stderr
    assert eventually(lambda: nothing_left(place)), left_running(place)


@pytest.mark.parametrize("key", ["\r", "\x03"], ids=["Enter", "Ctrl-C"])
def test_at_a_terminal_it_stays_until_told(place, key):
    ours, theirs = pty.openpty()
    demo = subprocess.Popen(
        [*DEMO, "--situation", "healthy"],
        env=environment(place),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # it becomes the controlling terminal
    )
    os.close(theirs)
    try:
        text = read_until(ours, "Enter or Ctrl-C ends it.")
        assert "./dev exec ansible localhost" in text and "sidekiq_info" in text
        os.write(ours, key.encode())
        assert demo.wait(15) == 0
        assert eventually(lambda: nothing_left(place)), left_running(place)
    finally:
        demo.kill()
        demo.wait()
        os.close(ours)


def with_another_ansible(env, folder, script):
    """The environment with this script in place of ansible-playbook."""
    (folder / "ansible-playbook").write_text(script, encoding="utf-8")
    (folder / "ansible-playbook").chmod(0o755)
    return dict(env, PATH=f"{folder}{os.pathsep}{env['PATH']}")


ENDINGS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
MOMENTS = {
    "stand-in": ("healthy", "takes its time"),  # surely runs when the signal comes
    "report": ("healthy", "\nPLAY "),
    "cure": ("stuck_export", "\nTASK [Keep one job of each export]"),
}


@pytest.mark.parametrize("number", ENDINGS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_leaves_no_process_and_no_file(place, tmp_path, number, moment):
    env = environment(place)
    if moment == "stand-in":
        env = with_another_ansible(env, tmp_path, STAND_IN)
    situation, text = MOMENTS[moment]
    demo = subprocess.Popen(
        [*DEMO, "--situation", situation],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert demo.stdout
    try:
        read_until(demo.stdout.fileno(), text)
        demo.send_signal(number)
        assert demo.wait(15) == 128 + number
        assert eventually(lambda: nothing_left(place), 20), (left_running(place), list(place.iterdir()))
    finally:
        demo.kill()
        demo.wait()
        demo.stdout.close()
