# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module in a new interpreter and says how much memory it took at most.

python measured.py NAME OPTIONS    (as JSON; prints the result, the peak in bytes and the seconds as JSON)
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.fediverse.mastodon.tests.redis import modules


@dataclass(frozen=True)
class Measured:
    """`peak`: resident memory in bytes, of the interpreter with all it has loaded."""

    result: dict[str, Any]
    peak: int
    seconds: float


def run(name: str, options: Mapping[str, Any]) -> Measured:
    """What the module returns, and what it took."""
    done = subprocess.run(
        [sys.executable, __file__, name, json.dumps(options)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    return Measured(**json.loads(done.stdout))


def main(name: str, options: str) -> None:
    """Run it here."""
    began = time.monotonic()
    result = modules.run(name, **json.loads(options))
    seconds = time.monotonic() - began
    # not getrusage, which begins with what the process that started this one had
    [found] = re.findall(r"^VmHWM:\s+(\d+) kB$", pathlib.Path("/proc/self/status").read_text(), re.MULTILINE)
    print(json.dumps({"result": result, "peak": int(found) * 1024, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
