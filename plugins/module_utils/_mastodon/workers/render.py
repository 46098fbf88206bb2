# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The texts of the units: the stock unit's own words, followed by what the worker changes.

systemd reads a setting that comes twice as if it came from a drop-in: the later one wins, lists grow, an empty value
resets. So the same lines are a drop-in for the stock unit and the end of a unit that is derived from it.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from dataclasses import dataclass, replace

from ..installation.systemd.leftovers import STOP_TIMEOUT_DROP_IN
from ..installation.systemd.sidekiq_command import with_variables
from ..installation.systemd.unit_file import Part, Unit
from ..installation.unit_facts import DIGEST, MARK
from .host import DROP_IN, Host
from .validate import STOCK, Worker

FOLDER: t.Final = "/etc/systemd/system"
_NOT_INHERITED = re.compile(r"^[ \t]*(?:Alias|Also)[ \t]*=.*\n?", re.MULTILINE)


@dataclass(frozen=True)
class File:
    """A file to be written, the unit it is for, and the digest that its process will carry."""

    path: str
    content: str
    unit: str
    digest: str


def write(worker: Worker, unit: str, host: Host) -> File:
    """The file for one instance of a worker."""
    stock = host.stock
    lines = _service(worker, host)
    if worker.name == STOCK and unit == host.stock_name:
        text = f"{MARK}\n# Change it there; what is written here goes with the next run.\n[Service]\n{lines}"
        path = f"{FOLDER}/{unit}.d/{DROP_IN}"
        return _finished(path, text, unit, "".join(part.text for part in stock.parts))
    inherited = "\n".join(
        f"# From {part.path}:\n{_NOT_INHERITED.sub('', part.text)}" for part in stock.parts if not _reaches(part, unit)
    )
    text = (
        f"{MARK}\n# Derived from {stock.name}. Change it there; what is written here goes with the next run.\n\n{inherited}\n"
        f"# What is this worker's own:\n[Unit]\nDescription={_description(stock, unit)}\n[Service]\n{lines}"
    )
    found = host.units.get(unit)
    more = [part.text for part in found.unit.parts[1:] if part.name != STOP_TIMEOUT_DROP_IN] if found else []
    return _finished(f"{FOLDER}/{unit}", text, unit, "".join(more))


def _finished(path: str, text: str, unit: str, more: str) -> File:
    digest = hashlib.sha256((more + text).encode()).hexdigest()[:16]
    return File(path, f'{text}Environment="{DIGEST}={digest}"\n', unit, digest)


def _reaches(part: Part, unit: str) -> bool:
    """Whether systemd applies a drop-in to the derived unit by itself: one for all services or for a prefix of the name."""
    if not part.folder.endswith(".service.d"):
        return part.folder == "service.d"
    name = part.folder[: -len(".service.d")]
    return name.endswith("-") and unit.startswith(name)


def _description(stock: Unit, unit: str) -> str:
    said = stock.values("Description", "Unit")
    stem = stock.name.rpartition(".")[0]
    return f"{said[-1] if said else stem} ({unit.rpartition('.')[0][len(stem) :].lstrip('-')})"


def _service(worker: Worker, host: Host) -> str:
    lines = []
    command = host.command
    variables = {"DB_POOL": str(worker.pool)} if worker.set_pool else {}
    if worker.jemalloc is not None:
        # Without the library the variable must be empty: the stock unit sets it. Fewer arenas help in either case.
        variables.update(LD_PRELOAD=host.jemalloc if worker.jemalloc else "", MALLOC_ARENA_MAX="2")
    # A file of EnvironmentFile= wins over every Environment=, wherever that stands (systemd.exec(5)): env wins over both.
    fixed = {name: value for name, value in variables.items() if name in host.fixed_variables}
    follows = "$" in (command.concurrency or "")  # a variable that may have another value now
    wanted = replace(
        with_variables(command, fixed),
        concurrency=str(worker.threads) if worker.set_threads or follows else command.concurrency,
        timeout=str(worker.timeout) if worker.set_timeout else command.timeout,
        queues=tuple(name if weight is None else f"{name},{weight}" for name, weight in worker.queues)
        or command.queues,
    )
    if wanted != command:
        lines += ["ExecStart=", f"ExecStart={wanted.text()}"]
    variables = {name: value for name, value in variables.items() if name not in fixed}
    variables.update(worker.environment)
    lines += [f"Environment={_quoted(f'{name}={value}')}" for name, value in variables.items()]
    if worker.set_stop or worker.set_timeout:
        lines.append(f"TimeoutStopSec={'infinity' if worker.stop >= 10**9 else worker.stop}")
    if worker.memory_high:
        lines.append(f"MemoryHigh={worker.memory_high}")
    if worker.memory_max:
        lines.append(f"MemoryMax={worker.memory_max}")
    return "".join(f"{line}\n" for line in lines)


def _quoted(assignment: str) -> str:
    """A word of Environment=: quoted, and no specifier."""
    escaped = assignment.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
