# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Jobs inside jobs: ActiveJob and ActionMailer wrap the class and the arguments that people know.

After `JobRecord#display_class` and `#display_args` of sidekiq `lib/sidekiq/api.rb`. Unlike the Ruby of one version,
both names of the wrapper are known here: 8.0 writes another one than 7.x and each knows only its own.
"""

from __future__ import annotations

import typing as t

WRAPPERS: t.Final = frozenset(
    {"ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper", "Sidekiq::ActiveJob::Wrapper"},
)
_DELIVERY = "ActionMailer::DeliveryJob"
_MAIL_DELIVERY = "ActionMailer::MailDeliveryJob"
ENCRYPTED: t.Final = "[encrypted data]"


def display_class(payload: t.Mapping[str, t.Any]) -> t.Any:
    """The class as the Web UI shows it: `display_class`, else what an ActiveJob wraps (mails: `UserMailer#welcome`), else `class`."""
    shown = payload.get("display_class")
    if shown:
        return shown
    name = payload.get("class")
    if not is_wrapped(payload):
        return name
    arguments = _list(payload.get("args"))
    wrapped = payload.get("wrapped") or (arguments[0] if arguments else None)
    if wrapped in (_DELIVERY, _MAIL_DELIVERY):
        mailer_and_method = _inner_arguments(arguments)[:2]
        return "#".join(str(part) for part in mailer_and_method) if mailer_and_method else wrapped
    return wrapped if isinstance(wrapped, str) else name


def display_args(payload: t.Mapping[str, t.Any]) -> t.Any:
    """The arguments as the Web UI shows them: those of the wrapped job; ciphertext replaced. None if the job has none."""
    arguments = payload.get("args")
    if not isinstance(arguments, list):
        return arguments
    if is_wrapped(payload):
        inner = _inner_arguments(arguments) if payload.get("wrapped") else []
        return _without_markers(_mail_arguments(payload, inner))
    if payload.get("encrypt") and arguments:
        return [*arguments[:-1], ENCRYPTED]
    return arguments


def is_wrapped(payload: t.Mapping[str, t.Any]) -> bool:
    """Whether an ActiveJob is inside."""
    name = payload.get("class")
    return isinstance(name, str) and name in WRAPPERS


def _mail_arguments(payload: t.Mapping[str, t.Any], inner: list[t.Any]) -> list[t.Any]:
    wrapped = payload.get("wrapped")
    if wrapped == _DELIVERY:
        return inner[3:]
    if wrapped == _MAIL_DELIVERY:
        last = inner[3] if len(inner) > 3 and isinstance(inner[3], dict) else {}
        return [last.get("params"), last.get("args")]
    return inner


def _without_markers(value: t.Any) -> t.Any:
    """Global ids as their text, ActiveJob's own `_aj_` marks left out, as Sidekiq 7.1 and newer show them."""
    if isinstance(value, list):
        return [_without_markers(item) for item in value]
    if isinstance(value, dict):
        if "_aj_globalid" in value:
            return value["_aj_globalid"]
        return {key: _without_markers(item) for key, item in value.items() if not str(key).startswith("_aj_")}
    return value


def _inner_arguments(arguments: list[t.Any]) -> list[t.Any]:
    first = arguments[0] if arguments else None
    return _list(first.get("arguments")) if isinstance(first, dict) else []


def _list(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else []
