# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What `tootctl accounts unfollow` and `tootctl domains purge` did, read from what they print. Pure.

Both print a line for each account at which they fail, go on, and end with a total of all accounts and the exit status 0,
also where every one of them failed or none was there (`parallelize_with_progress` in lib/mastodon/cli of Mastodon 4.3 to 4.6).
"""

from __future__ import annotations

import re
import typing as t

from ..._sidekiq.text import printable

_ESCAPE: t.Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FAILURE: t.Final = re.compile(r"Error processing \d+: ")
_TOTALS: t.Final = {
    "unfollow": re.compile(r"OK, unfollowed \S+ from (\d{1,12}) accounts"),
    "purge": re.compile(r"Removed (\d{1,12}) accounts(?: \(DRY RUN\))?"),
}
_EMOJIS: t.Final = re.compile(r"Removed (\d{1,12}) custom emojis(?: \(DRY RUN\))?")
_LINES_SHOWN, _LINE_LENGTH = 3, 200


def read_tootctl(command: str, of: str, status: int | None, printed: str, errors: str) -> dict[str, t.Any]:
    """What became of one argument of `command`, which is unfollow or purge. `printed`, `errors`: its two outputs.

    `outcome`: failed, partial, nothing (it had nothing to do) or done; `accounts` and `emojis`: how many it dealt with,
    None if it does not say; `failed`: at how many accounts it failed; `said`: the first failures, or its last lines.
    """
    lines = [_ESCAPE.sub("", line).strip() for line in printed.splitlines()]
    failures = [line for line in lines if _FAILURE.search(line)]
    total, emojis = _last(_TOTALS[command], lines), _last(_EMOJIS, lines) if command == "purge" else None
    done = None if total is None else max(0, total - len(failures))
    return {
        "of": printable(of, _LINE_LENGTH),
        "outcome": _outcome(status, done, emojis, len(failures)),
        "accounts": done,
        "emojis": emojis,
        "failed": len(failures),
        "status": status,
        "said": _said(failures, lines, errors),
    }


def _outcome(status: int | None, done: int | None, emojis: int | None, failed: int) -> str:
    something = bool(done or emojis)
    if status != 0 or done is None:
        return "partial" if something else "failed"
    if failed:
        return "partial" if something else "failed"
    return "done" if something else "nothing"


def _last(pattern: re.Pattern[str], lines: t.Sequence[str]) -> int | None:
    """The number in the last line that is one of these, and nothing else: an error may quote anything."""
    return next((int(found[1]) for line in reversed(lines) if (found := pattern.fullmatch(line))), None)


def _said(failures: t.Sequence[str], lines: t.Sequence[str], errors: str) -> list[str]:
    """A few lines, each cut and without control characters."""
    if failures:
        shown = failures[:_LINES_SHOWN]
    else:
        shown = [line for line in [*lines, *_ESCAPE.sub("", errors).splitlines()] if line.strip()][-_LINES_SHOWN:]
    return [printable(line.strip(), _LINE_LENGTH) for line in shown]


def tell(command: str, result: t.Mapping[str, t.Any]) -> str:
    """The result in a sentence. `result`: what `read_tootctl` returned."""
    of, failed = result["of"], result["failed"]
    number = f"{result['accounts'] or 0:,} accounts"
    if command == "purge" and result["emojis"] is not None:
        number += f" and {result['emojis']:,} custom emojis"
    done = f"{number} removed" if command == "purge" else f"{number} no longer follow this account"
    said = f" It said: {' / '.join(result['said'])}" if result["said"] else ""
    if result["outcome"] == "failed":
        status = "" if result["status"] in (0, None) else f" with status {result['status']}"
        return f"{of}: {command} failed{status}, {failed:,} accounts failed.{said}"
    if result["outcome"] == "partial":
        return f"{of}: {command} was only partly done: {done}, {failed:,} accounts failed.{said}"
    if result["outcome"] == "nothing":
        known = "no account of this server is known here" if command == "purge" else "nobody here follows this account"
        return f"{of}: {command} had nothing to do, as {known}. Check the spelling."
    return f"{of}: {done}."
