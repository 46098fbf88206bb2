# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of the journal: only what the kernel and systemd wrote says who was killed, and little of it is shown."""

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host import journal


def test_lines_of_a_log_hide_arguments():
    secret = "s3cret"
    lines = [
        f'WARN: {{"context":"Job raised exception","job":{{"class":"A","args":["{secret}"],"jid":"1"}}}}',
        f'WARN: {{\\"args\\":[\\"{secret}\\"]}}',
        f"failed args={secret}",
        f'Enqueued Mailer (Job ID: 1) to Sidekiq(mailers) with arguments: "UserMailer", "{secret}@gone.example"',
        f'{{"job_class":"Mailer","arguments":["{secret}"]}}',
        "fine\x1b[31m",
        "x" * 1000,
    ]
    shown = journal.shown("\n".join(["first", *lines]), 7)
    assert secret not in str(shown) and len(shown) == 7
    assert '"class":"A",(arguments hidden)' in shown[0] and shown[5] == "fine?[31m" and len(shown[6]) == 300
    assert shown[3] == "Enqueued Mailer (Job ID: 1) to Sidekiq(mailers) with (arguments hidden)"
    assert journal.shown("a\nb", 0) == []


def test_a_line_of_a_log_cannot_begin_another():
    assert journal.shown("a\x85b\u2028c\x0bd\re\nf", 9) == ["a b c d e", "f"]


def test_only_the_kernel_and_systemd_say_who_was_killed():
    command = journal.kills("-24h", 5)
    assert command[-3:] == ["_TRANSPORT=kernel", "+", "_PID=1"] and "--lines=5" in command


@pytest.mark.parametrize("name", ["gone.example", "$(touch here)", "'; touch here; '", "-a"])
def test_the_text_that_is_looked_for_stays_one_argument(name, tmp_path):
    """A journalctl that says what it was given, and more than anybody wants to read."""
    said = tmp_path / "said"
    program = tmp_path / "journalctl"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}\nyes\n', encoding="utf-8")
    program.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = journal.naming(name, ["mastodon-sidekiq*"], "-2h", 3)
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, check=True)
    assert len(done.stdout) == journal.MOST_BYTES
    assert len([line for line in said.read_text(encoding="utf-8").splitlines() if line.startswith("--grep=")]) == 1
    assert not (tmp_path / "here").exists()
