# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev bench: what things cost, side by side in one run. The ratios count; the seconds belong to this machine."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Sequence

from ansible.release import __version__ as ansible_core

from ansible_collections.fediverse.mastodon.tests.benchmarks import edits, fleet, info, load, runbooks

BENCHMARKS: dict[str, Callable[[int], str]] = {
    "task": info.task,
    "width": info.width,
    "fleet": fleet.fleet,
    "runbooks": runbooks.runbooks,
    "ruby": edits.ruby,
    "million": edits.million,
    "retry": edits.retry,
    "histogram": edits.histogram,
}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks of these names, or all, and print their tables. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"what to measure, of {', '.join(BENCHMARKS)}; the default is all")
    parser.add_argument(
        "--turns", type=int, default=25, help="how often each side is measured (fleet, runbooks: a fifth of it)"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.name if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose from {', '.join(BENCHMARKS)}")
    if options.turns < 2:
        parser.error("--turns must be 2 or more")
    for name in options.name or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        print(f"$ ./dev bench {name} --turns {options.turns}")
        print(f"{benchmark.__doc__}")
        print(f"ansible-core {ansible_core}, Python {platform.python_version()}\n", flush=True)
        with load.watching() as watched:
            shown = benchmark(options.turns)
        print(f"{shown}\n\n{watched.report()}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
