# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module for config/sidekiq.yml does: read, plan, apply, and say what makes the file's values void."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import typing as t
from dataclasses import asdict

from ..._mastodon.installation.systemd.environment import unit_environment
from ..._mastodon.installation.systemd.sidekiq_command import Options, evaluate
from ..._mastodon.installation.systemd.units import Unit, read_unit
from ..._mastodon.settings.variables import Variables, collect
from ..._mastodon.sidekiq_yml.plan import Plan, Reading, Settings, plan
from ..._mastodon.sidekiq_yml.queues import Queue
from ..._sidekiq.errors import BadOption, SidekiqError, at_least
from ..ending import Result
from ..options.connection import connection_argument_spec
from ..run_host import Host

OPTIONS: t.Final = {
    "path": {"type": "path"},
    "environment": {"type": "str"},
    "concurrency": {"type": "int"},
    "queues": {"type": "list", "elements": "raw"},
    "timeout": {"type": "int"},
    "backup": {"type": "bool", "default": False},
    "validate": {"type": "str"},
    **{name: connection_argument_spec()[name] for name in ("mastodon_root", "systemd_unit")},
}
_NAME = re.compile(r"(?!.*<%)[^\s,\"'\\:][^\s,\"'\\]*")


def configure(host: Host) -> Result:
    """Read the file, plan, and outside check mode write it."""
    options, wanted = host.options, wanted_from_options(host.options)
    stated = options["path"] or os.path.join(options["mastodon_root"], "config", "sidekiq.yml")
    path = os.path.realpath(stated)
    old = _read(stated, path)
    planned = _plan(old, wanted, options["environment"])
    result: Result = {
        "file": stated,
        "before": shape(planned.before.settings),
        "after": shape(planned.after.settings),
        "backup_file": None,
        "editable": planned.reason is None,
        "reason": planned.reason,
    }
    if planned.reason is not None and wanted.stated:
        host.progress.update(result)
        raise SidekiqError(
            f"{stated} is left as it is. {planned.reason}. Such a line can only be edited by hand; or leave the file, and"
            " set the value by -c, -q or -t in the unit."
        )
    new = planned.text.encode()
    changed = planned.reason is None and new != old
    if changed:
        result["backup_file"] = _write(host, path, old, new)
    return {
        "changed": changed,
        **result,
        "diff": {
            "before_header": stated,
            "after_header": stated,
            "before": old.decode() if changed else "",
            "after": planned.text if changed else "",
        },
        "warnings": list(_void(host, wanted, planned)),
    }


def shape(settings: Settings) -> dict[str, t.Any]:
    """Settings as the module returns them."""
    queues = None if settings.queues is None else [asdict(queue) for queue in settings.queues]
    return {"concurrency": settings.concurrency, "queues": queues, "timeout": settings.timeout}


def wanted_from_options(options: t.Mapping[str, t.Any]) -> Settings:
    """Raises BadOption."""
    for name in ("concurrency", "timeout"):
        at_least(1, name, options[name])
    environment = options["environment"]
    if environment is not None and not re.fullmatch(r"[A-Za-z_]\w*", environment):
        raise BadOption(f"environment: {environment!r} is no name of an environment, such as production.")
    return Settings(options["concurrency"], _queues(options["queues"]), options["timeout"])


def _queues(entries: t.Sequence[t.Any] | None) -> tuple[Queue, ...] | None:
    if entries is None:
        return None
    queues = tuple(_queue(entry) for entry in entries)
    if not queues:
        raise BadOption("queues: an empty list would leave Sidekiq with the queue default alone. Leave the option out.")
    names = [queue.name for queue in queues]
    for name in names:
        if names.count(name) > 1:
            raise BadOption(f"queues: {name} is there {names.count(name)} times.")
    return queues


def _queue(entry: t.Any) -> Queue:
    if isinstance(entry, dict):
        unknown = sorted(set(entry) - {"name", "weight"})
        if unknown or "name" not in entry:
            raise BadOption(f"queues: an entry has a name and a weight, not {', '.join(map(str, unknown or entry))}.")
        name, weight = entry["name"], entry.get("weight")
    elif isinstance(entry, str):
        name, comma, weight = entry.partition(",")  # as sidekiq -q takes it
        weight = weight if comma else None
    else:
        raise BadOption(f"queues: an entry is a name or a dictionary, not {entry!r}.")
    if not isinstance(name, str) or not name.isprintable() or not _NAME.fullmatch(name):
        raise BadOption(f"queues: {name!r} is no name of a queue.")
    if weight is None:
        return Queue(name)
    if isinstance(weight, bool) or not re.fullmatch(r"[1-9][0-9]*", str(weight).strip()):
        raise BadOption(f"queues: the weight of {name} must be a whole number from 1 on, not {weight!r}.")
    return Queue(name, int(weight))


def _read(stated: str, path: str) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise BadOption(f"{stated} is no regular file. Set path to Mastodon's config/sidekiq.yml.")
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise BadOption(
            f"There is no {stated}. Set path, or mastodon_root to the folder with Mastodon's code."
        ) from None
    except PermissionError:
        raise BadOption(f"{stated} may not be read. Use become: true.") from None
    except OSError as error:
        raise BadOption(
            f"{stated} cannot be read: {error.strerror}. Set path to Mastodon's config/sidekiq.yml."
        ) from None


def _plan(old: bytes, wanted: Settings, environment: str | None) -> Plan:
    try:
        return plan(old.decode(), wanted, environment)
    except UnicodeDecodeError as error:
        return Plan("", Reading(), Reading(), f"line {old[: error.start].count(bytes([10])) + 1}: is no UTF-8")


def _write(host: Host, path: str, old: bytes, new: bytes) -> str | None:
    """Put the new text into its place. Raises SidekiqError, and then nothing has changed."""
    owner = os.stat(path).st_uid
    if os.geteuid() not in (0, owner):
        raise BadOption(f"{path} belongs to {_user(owner)}: use become: true, so that this stays so.")
    staged = host.files.stage(new, host.options["validate"])
    if host.check_mode:
        return None
    backup = host.files.backup(path) if host.options["backup"] else None
    if _read(path, path) != old:
        raise SidekiqError(f"{path} was changed by someone else meanwhile. Run the task again.")
    host.files.replace(staged, path)
    return backup


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user with the id {uid}"


def _void(host: Host, wanted: Settings, planned: Plan) -> t.Iterator[str]:
    """Why a value that the file now has does not count."""
    unit = host.options["systemd_unit"]
    if not wanted.stated:
        return
    for key in planned.after.overridden:
        if key in wanted.stated:
            yield (
                f"{key} stands in the section production, too, and wins there: set environment to production to edit that."
            )
    if not shutil.which("systemctl"):
        return
    shown = read_unit(host.run, unit)
    if shown and shown.command:
        yield from _void_by_command(unit, shown, wanted)
    names = {key: name for key, name in planned.after.variables.items() if key in wanted.stated}
    yield from _void_by_variables(host, unit, names)


def _void_by_command(name: str, unit: Unit, wanted: Settings) -> t.Iterator[str]:
    try:
        options = evaluate(unit.command, unit.environment())
    except BadOption as failure:
        yield f"Whether the file has an effect on {name} is not known. {failure}"
        return
    flags = _flags(options)
    for key in wanted.stated:
        if flags.get(key):
            yield (
                f"{name} starts Sidekiq with {flags[key]}, which wins: {key} of the"
                " file has no effect on it. Change the unit, for example with the role fediverse.mastodon.workers."
            )
    if options.config:
        yield f"{name} starts Sidekiq with -C {options.config}: see whether that is the file that you mean."
    if wanted.timeout is not None and unit.stop_timeout is not None and wanted.timeout >= unit.stop_timeout:
        yield (
            f"systemd kills {name} {unit.stop_timeout:g} s after it began to stop, before Sidekiq, after its timeout of"
            f" {wanted.timeout} s, gives running jobs back: these are lost. Raise TimeoutStopSec= above it."
        )


def _flags(options: Options) -> dict[str, str]:
    """The options of the command line that win over a key of the file."""
    queues = (name if weight is None else f"{name},{weight}" for name, weight in options.queues)
    return {
        "concurrency": "" if options.concurrency is None else f"-c {options.concurrency}",
        "queues": " ".join(f"-q {queue}" for queue in queues),
        "timeout": "" if options.timeout is None else f"-t {options.timeout}",
    }


def _void_by_variables(host: Host, unit: str, names: t.Mapping[str, str]) -> t.Iterator[str]:
    if not names:
        return
    try:
        variables = collect(host.options["mastodon_root"], {}, unit, unit_environment(unit, host.run))
    except BadOption:
        variables = Variables({})
    for key, name in names.items():
        if name in variables:
            yield f"{key} of the file is only what counts without {name}, and there is {variables.where(name)}, which wins."
