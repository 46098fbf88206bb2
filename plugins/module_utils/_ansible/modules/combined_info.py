# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module does that runs several reading modules as one task.

What each of them needs is imported where it is used: a run compiles all that it imports.
"""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..._sidekiq.errors import BadOption, SidekiqError, at_least
from ..._sidekiq.keys import Keys
from ..._sidekiq.redis.connection import connect, describe, translate_errors
from ..ending import Result
from ..options.connection import connection_argument_spec
from ..run_host import Files, Host, Runner
from ..run_redis import Here, Session

Spec = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Reader:
    """The options of a reading module, and what it does with the options and the task at hand."""

    spec: Spec
    read: t.Callable[[t.Mapping[str, t.Any], Here], Result]


def _export_info() -> Reader:
    from .export_info import EXPORT_INFO_OPTIONS, export_info

    return _of_redis(EXPORT_INFO_OPTIONS, export_info)


def _export_storage_info() -> Reader:
    from .export_storage_info import OPTIONS, storage_info

    return _of_host(OPTIONS, storage_info)


def _journal_info() -> Reader:
    from .journal_info import OPTIONS, journal_info

    return _of_host(OPTIONS, journal_info)


def _mastodon_info() -> Reader:
    from .mastodon_info import OPTIONS, installation

    return Reader(OPTIONS, lambda options, here: installation(Here(options, here.run, here.settings, here.problem)))


def _sidekiq_info() -> Reader:
    from .sidekiq_info import INFO_OPTIONS, info

    return _of_redis(INFO_OPTIONS, info)


def _sidekiq_job_info() -> Reader:
    from .sidekiq_job import INFO_OPTIONS, job_info

    return _of_redis(INFO_OPTIONS, job_info)


def _sidekiq_memory_info() -> Reader:
    from .sidekiq_memory_info import OPTIONS, memory_info

    return _of_redis(OPTIONS, memory_info)


READERS: t.Final[t.Mapping[str, t.Callable[[], Reader]]] = {
    "export_info": _export_info,
    "export_storage_info": _export_storage_info,
    "journal_info": _journal_info,
    "mastodon_info": _mastodon_info,
    "sidekiq_info": _sidekiq_info,
    "sidekiq_job_info": _sidekiq_job_info,
    "sidekiq_memory_info": _sidekiq_memory_info,
}

OPTIONS: t.Final = {
    "reads": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "module": {"type": "str", "required": True, "choices": list(READERS)},
            "options": {"type": "dict", "default": {}},
            "only_if_exists": {"type": "path"},
            "pause": {"type": "float", "default": 0.0},
        },
    },
}


def locate(options: t.Mapping[str, t.Any], run: Runner) -> dict[str, t.Any]:
    """Where Mastodon is, for all reads, as mastodon_info says it."""
    from . import mastodon_info

    return mastodon_info.locate(options, run)


def read_all(here: Here) -> Result:
    """What each of the modules returns, by the name of the read."""
    answers: dict[str, Result] = {}
    warnings: list[str] = []
    for wanted in here.options["reads"]:
        if wanted["name"] in answers:
            raise BadOption(f"reads: two of them have the name {wanted['name']!r}.")
        at_least(0, "pause", wanted["pause"])
        time.sleep(wanted["pause"])
        try:
            result = _read(wanted, here)
        except SidekiqError as failure:
            raise SidekiqError(f"{wanted['module']}: {failure}", failure.hint, failure.origin) from failure
        warnings += [warning for warning in result.pop("warnings", ()) if warning not in warnings]
        answers[wanted["name"]] = result
    return {"changed": False, "answers": answers, "warnings": warnings}


def _read(wanted: t.Mapping[str, t.Any], here: Here) -> Result:
    path = wanted["only_if_exists"]
    if path is not None and not os.path.exists(path):
        return {"changed": False, "skipped": True}
    reader = READERS[wanted["module"]]()
    return reader.read(_options(wanted, reader.spec, here), here)


def _options(wanted: t.Mapping[str, t.Any], spec: Spec, here: Here) -> dict[str, t.Any]:
    """The options of a read, validated as Ansible validates those of a task, and the options of the connection."""
    shared = connection_argument_spec()
    own = {name: option for name, option in spec.items() if name not in shared}
    hidden = [name for name in wanted["options"] if own.get(name, {}).get("no_log")]
    if hidden:
        raise BadOption(f"{hidden[0]} is a secret, which reads would show. Run the module in a task of its own.")
    validated = ArgumentSpecValidator(own).validate(wanted["options"])
    if validated.error_messages:
        raise BadOption(" ".join(validated.error_messages))
    return {**{name: here.options[name] for name in shared}, **validated.validated_parameters}


def _of_redis(spec: Spec, body: t.Callable[[Session], Result]) -> Reader:
    def read(options: t.Mapping[str, t.Any], here: Here) -> Result:
        if here.settings is None:
            raise BadOption(here.problem or "It is not known where Redis is.")
        with translate_errors(here.settings):
            client, key = connect(here.settings), Keys(here.settings.key_prefix)
            return body(Session(client, key, options, True, describe(here.settings), run=here.run))

    return Reader(spec, read)


def _of_host(spec: Spec, body: t.Callable[[Host], Result]) -> Reader:
    return Reader(
        spec, lambda options, here: body(Host(options, True, here.run, Files(None)))
    )  # what reads replaces no file
