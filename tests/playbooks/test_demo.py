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
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if ready:
            with contextlib.suppress(OSError):  # a terminal whose other end is closed
                more = os.read(descriptor, 65536)
        assert more, f"{text!r} did not come:\n{seen.decode(errors='replace')}"
        seen += more
    return seen.decode(errors="replace")


def test_without_a_terminal_it_shows_the_report_and_ends(place):
    began = time.monotonic()
    done = subprocess.run(
        DEMO, env=environment(place), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 30, "less than 10 s on an idle machine"
    assert "74,404 jobs in its queues" in done.stdout
    found = set(re.findall(r"\[(\w+)\]$", done.stdout, re.MULTILINE))
    assert found >= {"export_retrying", "export_duplicated", "export_waiting"}
    assert found >= {"domain_holds_threads", "domain_fills_retry", "queue_late"}
    assert found >= {"scheduled_not_moving", "retries_not_moving", "recurring_overdue", "ghost_processes"}
    assert "locks_orphaned" in found
    assert "stays up" in done.stdout
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


ENDINGS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDINGS)
@pytest.mark.parametrize("report", ["ansible", "stand-in"])  # the stand-in surely runs when the signal comes
def test_a_signal_leaves_no_process_and_no_file(place, tmp_path, number, report):
    env = environment(place)
    if report == "stand-in":
        (tmp_path / "ansible-playbook").write_text(STAND_IN, encoding="utf-8")
        (tmp_path / "ansible-playbook").chmod(0o755)
        env["PATH"] = f"{tmp_path}{os.pathsep}{env['PATH']}"
    demo = subprocess.Popen(
        [*DEMO, "--situation", "healthy"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert demo.stdout
    try:
        read_until(demo.stdout.fileno(), "takes its time" if report == "stand-in" else "\nPLAY ")
        demo.send_signal(number)
        assert demo.wait(15) == 128 + number
        assert eventually(lambda: nothing_left(place), 20), (left_running(place), list(place.iterdir()))
    finally:
        demo.kill()
        demo.wait()
        demo.stdout.close()
