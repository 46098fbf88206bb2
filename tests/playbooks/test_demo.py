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

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = [sys.executable, str(pathlib.Path(__file__).parents[1] / "instance" / "demo.py")]
STAND_IN = """#!/bin/sh
echo "a report that takes its time"
sleep 600
"""
LOSES_A_JOB = f"""#!{sys.executable}
import os, pathlib, redis, sys
if "fediverse.mastodon.undo" in sys.argv:
    redis.Redis.from_url(os.environ["FEDIVERSE_REDIS_URL"]).rpop("queue:pull")
runs = pathlib.Path.home() / ".local/state/fediverse.mastodon/runs"
runs.mkdir(parents=True, exist_ok=True)
(runs / "a-run.json").touch()
"""
LEAVES_NO_RECORD = """#!/bin/sh
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
    """The command lines of all processes that have this place, or one within, for temporary files."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"\0TMPDIR=%b" % os.fsencode(place) in b"\0" + (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def eventually(what, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def nothing_left(place):
    return not left_running(place) and not list(place.iterdir())


def read_until(descriptor, text, seconds=300.0):
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


VARIES = {
    r"127\.0\.0\.1:\d+": "127.0.0.1:PORT",
    r"/tmp/\S*/instance-\w+|/tmp/instance-\w+": "/tmp/INSTANCE",
    r"\d{8}T\d{6}Z-(\w+)-[0-9a-f]{6,16}": r"TIME-\1-NAME",
    r"in \d+\.\d s:": "in N s:",
}
"""What is another each time, and what it is called here."""


def lines_of(text):
    """Without what varies."""
    for pattern, name in VARIES.items():
        text = re.sub(pattern, name, text)
    return [line.rstrip() for line in text.splitlines()]


def parts_of(text):
    """The parts of a transcript between those that are left out."""
    parts = [[]]
    for line in lines_of(text):
        if line == "[...]":
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def first_that_is_not_there(parts, lines):
    """Of parts that should follow each other in these lines."""
    at = 0
    for part in parts:
        places = [place for place in range(at, len(lines)) if lines[place : place + len(part)] == part]
        if not places:
            return "\n".join(part)
        at = places[0] + len(part)
    return None


def run_demo(env, *arguments):
    """It, without a terminal, to its end."""
    return subprocess.run(
        [*DEMO, *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def shown():
    """What it printed without a terminal."""
    with tempfile.TemporaryDirectory(prefix="d-", dir="/tmp") as folder:
        done = run_demo(environment(folder))
        assert done.returncode == 0, done.stdout + done.stderr
        assert eventually(lambda: nothing_left(pathlib.Path(folder))), left_running(folder)
    return done.stdout


class TestWithoutATerminal:
    """One scope: the runner gives all of it to one process, which runs the demo once."""

    def test_without_a_terminal_it_shows_the_way_from_the_finding_to_the_undoing_and_ends(self, shown):
        beginning, *steps = re.split(r"^\$ ansible-playbook ", shown, flags=re.MULTILINE)
        health, checked, done, again, cured, undone = steps
        assert "74,404 jobs in its queues" in beginning
        found = rules(health)
        assert found >= {"export_retrying", "export_duplicated", "export_waiting"}
        assert found >= {"domain_holds_threads", "domain_fills_retry", "queue_late"}
        assert found >= {"scheduled_not_moving", "retries_not_moving", "recurring_overdue", "ghost_processes"}
        assert "locks_orphaned" in found
        assert (
            '\n-        "gone.example": 7000\n+        "gone.example": 0\n' in checked
            and "Would take 7,000 jobs" in checked
        )
        assert "\nquarantine: 7,000 jobs, kept in\n" in done and "now 0 jobs wait" in done
        assert "\n-> Nothing to do.\n" in again and "changed=0 " in again
        assert '\n-        "BackupWorker": 2\n+        "BackupWorker": 0\n' in cured
        assert found - rules(cured) == {"export_duplicated", "domain_fills_retry"}
        assert "enqueued 70,404  retry 832" in cured
        assert "put back 7,002 jobs from 2 archives" in undone
        end = "Undone: 74,404 jobs in its queues, 3,834 to be tried again; the same jobs in the same places as before."
        assert f"\n{end}\n" in undone
        assert "Try next, at a terminal" in undone and "--check --diff" in undone
        for word in ("/inbox", "[WARNING]", "DEPRECATION"):
            assert word not in shown

    def test_the_first_screen_of_the_readme_is_what_it_shows(self, shown):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        [transcript] = re.findall(r"^```text\n\$ \./dev demo\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
        lines, parts = lines_of(shown), parts_of(transcript)
        assert first_that_is_not_there(parts, lines) is None
        assert len(transcript.splitlines()) < 40
        for part in parts:  # the comparison sees each line of it
            for number, line in enumerate(part):
                other = [*part[:number], f"{line}!", *part[number + 1 :]]
                assert first_that_is_not_there([other if one is part else one for one in parts], lines)


@pytest.mark.parametrize(
    ("situation", "runbook"), [("dead_domain", "federation_rescue"), ("stuck_export", "export_rescue")]
)
def test_each_situation_has_its_runbook(place, situation, runbook):
    done = run_demo(environment(place), "--situation", situation)
    assert done.returncode == 0, done.stdout + done.stderr
    *_others, again, _health, undone = re.split(r"^\$ ansible-playbook ", done.stdout, flags=re.MULTILINE)
    assert f"fediverse.mastodon.{runbook}" in again and "Nothing to do." in again and "changed=0 " in again
    assert "the same jobs in the same places as before" in undone


def test_it_says_when_the_undoing_loses_a_job(place, tmp_path):
    env = with_another_ansible(environment(place), tmp_path, LOSES_A_JOB)
    done = run_demo(env, "--situation", "stuck_export")
    assert done.returncode == 1
    assert "It is not as before the fix (20,404 jobs in its queues" in done.stderr
    assert "but: 20,403 jobs in its queues" in done.stderr
    assert eventually(lambda: nothing_left(place)), left_running(place)


def test_it_says_when_the_runbook_leaves_no_record(place, tmp_path):
    env = with_another_ansible(environment(place), tmp_path, LEAVES_NO_RECORD)
    done = run_demo(env, "--situation", "dead_domain")
    assert (done.returncode, done.stderr) == (1, "federation_rescue left no record.\n")


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
        assert demo.wait(120) == 0
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
    "runbook": ("stuck_export", "\nPLAY [Repair exports that hang]"),
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
        assert demo.wait(120) == 128 + number
        assert eventually(lambda: nothing_left(place)), (left_running(place), list(place.iterdir()))
    finally:
        demo.kill()
        demo.wait()
        demo.stdout.close()
