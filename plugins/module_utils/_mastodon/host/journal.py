# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What to read of systemd's journal, and which of it to show.

Anybody may write into a journal: also Ansible, which logs the arguments of each module it runs, and with them the very words
that are looked for. So only fields that journald itself sets choose the lines (those that begin with an underscore).
"""

from __future__ import annotations

import re
import typing as t

from ..._sidekiq.text import printable

MOST_BYTES: t.Final = 200_000
"""Of one answer: journald takes messages of any length."""

_LONGEST_LINE: t.Final = 300
_ARGUMENTS = re.compile(r'\\*"arg(ument)?s\\*".*|\barg(ument)?s(=|: |=>).*', re.DOTALL)
_KILLED: t.Final = r"Killed process .*(bundle|ruby|sidekiq)|sidekiq.*(OOM killer|oom-kill|status=9/KILL)"
_BY_KERNEL_OR_SYSTEMD: t.Final = ("_TRANSPORT=kernel", "+", "_PID=1")


def kills(since: str, lines: int) -> list[str]:
    """The command that reads which processes of Sidekiq were killed, as the kernel or systemd say it."""
    return _command(f"--since={since}", f"--grep={_KILLED}", f"--lines={lines}", *_BY_KERNEL_OR_SYSTEMD)


def naming(text: str, units: t.Iterable[str], since: str, lines: int) -> list[str]:
    """The command that reads the lines with a text in the log of units (names or patterns)."""
    return _command(
        *(f"--unit={unit}" for unit in units), f"--since={since}", f"--grep={re.escape(text)}", f"--lines={lines}"
    )


def _command(*options: str) -> list[str]:
    """Of what journalctl says so many bytes; it is ended by SIGPIPE when it says more."""
    shell = f'journalctl "$@" | head -c {MOST_BYTES}'
    return ["/bin/sh", "-c", shell, "sh", "--no-pager", "--quiet", "--output=short-iso", *options]


def shown(text: str, number: int) -> list[str]:
    """The last lines of a log, printable, cut, and without arguments of jobs (Sidekiq writes them beside an error)."""
    lines = text[-MOST_BYTES:].rstrip("\n").split("\n")[-number:] if number > 0 else []
    return [printable(_ARGUMENTS.sub("(arguments hidden)", line), _LONGEST_LINE) for line in lines]
