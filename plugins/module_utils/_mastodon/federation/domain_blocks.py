# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Blocks of remote servers, as Mastodon's admin API has them, and what is to be done so that one is as wanted."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._sidekiq.errors import BadOption, SidekiqError
from ..jobs.names import host_name

SEVERITIES: t.Final = ("noop", "silence", "suspend")
FIELDS: t.Final = ("severity", "reject_media", "reject_reports", "private_comment", "public_comment", "obfuscate")
"""What can be set of a block. The names are Mastodon's own."""

Block = dict[str, t.Any]
"""`id`, `domain` and the FIELDS."""


@dataclass(frozen=True)
class Step:
    """What to ask of the API: nothing if `method` is null. `was`, `block`: before and after."""

    method: str | None
    was: Block | None
    block: Block | None
    send: t.Mapping[str, t.Any]


def normal(domain: str) -> str:
    """The name as Mastodon stores it. Raises BadOption for what is no name of a server."""
    return host_name("domain", domain)


def block_of(answer: t.Any) -> Block:
    """The block that an answer of the API holds. Raises SidekiqError if it holds none."""
    if not _is_block(answer):
        raise SidekiqError("The API answered with what is no block of a server; is api_url that of a Mastodon server?")
    return {"id": str(answer["id"]), "domain": answer["domain"], **{name: answer.get(name) for name in FIELDS}}


def _is_block(answer: t.Any) -> bool:
    return (
        isinstance(answer, dict)
        and isinstance(answer.get("id"), (str, int))
        and isinstance(answer.get("domain"), str)
        and answer.get("severity") in SEVERITIES
    )


def requested_limits(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The FIELDS that the task gives."""
    return {name: options[name] for name in FIELDS if options[name] is not None}


def plan_present(domain: str, wanted: t.Mapping[str, t.Any], update: bool, blocks: t.Sequence[Block]) -> Step:
    """A new block, a change of the one that there is if that is asked for, or nothing. Raises BadOption where it must not be."""
    was = _find(domain, blocks)
    if was is None:
        _refuse_covered(domain, wanted, blocks)
        fresh = {**_NEW, **wanted, "id": None, "domain": domain}
        return Step("POST", None, fresh, {"domain": domain, **wanted})
    other = {name: value for name, value in wanted.items() if (was[name] or "") != (value or "")}
    if not other:
        return Step(None, was, was, {})
    if not update:
        said = ", ".join(f"{name} is {was[name]!r}, not {value!r}" for name, value in other.items())
        raise BadOption(f"{domain} is blocked already: {said}. update: true changes that; nothing was done.")
    return Step("PUT", was, {**was, **other}, other)


def plan_absent(domain: str, severity: str | None, blocks: t.Sequence[Block]) -> Step:
    """Take the block away; with `severity` only one that has it. Raises BadOption if it has another."""
    was = _find(domain, blocks)
    if was is not None and severity is not None and was["severity"] != severity:
        raise BadOption(
            f"{domain} is blocked with severity {was['severity']!r}, not {severity!r}, so this block is another one;"
            " nothing was done. Leave severity out to take it away all the same."
        )
    return Step(None if was is None else "DELETE", was, None, {})


_NEW: t.Final = {
    "reject_media": False,
    "reject_reports": False,
    "private_comment": None,
    "public_comment": None,
    "obfuscate": False,
}


def _find(domain: str, blocks: t.Sequence[Block]) -> Block | None:
    return next((block for block in blocks if block["domain"].lower() == domain), None)


def _refuse_covered(domain: str, wanted: t.Mapping[str, t.Any], blocks: t.Sequence[Block]) -> None:
    """Mastodon takes no block below another one that is as strict."""
    parts = domain.split(".")
    above = (_find(".".join(parts[number:]), blocks) for number in range(1, len(parts)))
    rule = next((block for block in above if block is not None), None)
    if rule is not None and not _is_stricter(wanted, rule):
        raise BadOption(
            f"{domain} is covered by the block of {rule['domain']} (severity {rule['severity']!r}) already, and Mastodon"
            " takes another one below it only if it is stricter; nothing was done."
        )


def _is_stricter(wanted: t.Mapping[str, t.Any], rule: Block) -> bool:
    """As DomainBlock#stricter_than? of Mastodon."""
    order = SEVERITIES.index(wanted["severity"]) - SEVERITIES.index(rule["severity"])
    if wanted["severity"] == "suspend":
        return True
    return order >= 0 and all(wanted.get(name) or not rule[name] for name in ("reject_media", "reject_reports"))
