# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the roles conclude from mastodon_info before they act: what they leave alone, and what they cannot be derived from."""

from __future__ import annotations

import typing as t

from .systemd.units import matches

Found = t.Mapping[str, t.Any]
"""What mastodon_info returns."""

_MOST: t.Final = 5
_DECLARE: t.Final[t.Mapping[str, str]] = {
    "docker": "Declare its processes in the compose file, each as a service with its own command, DB_POOL and stop_grace_period: 35s.",
    "podman": "Declare its processes where the container is declared, each with its own command and DB_POOL, and a stop timeout of 35 s.",
    "kubernetes": "Declare its processes in the values of the chart, under mastodon.sidekiq.workers.",
}


def left_alone(found: Found, patterns: t.Sequence[str] = ()) -> list[str]:
    """A sentence for each unit, container or process of another instance that runs, or whose name the patterns match."""
    return [
        f"{one['name']} is left alone, as it is not of this instance. {one['reason']}"
        for one in found["foreign"]
        if one["running"] or matches(one["name"], patterns)
    ]


def unidentified(one: Found) -> str:
    """Why an entry of `unmatched` is not stopped or changed."""
    runs = "" if one["busy"] is None else f" ({one['busy']} by the title of its process)"
    return f"{one['name']} runs, and which jobs run in it{runs} is not known, so it is not stopped. {one['reason']}"


def why_not_derived(found: Found, stock_unit: str) -> str:
    """Why no unit can be derived from the stock unit; empty if one can."""
    for one in found["foreign"]:
        if one["name"] == stock_unit:
            return (
                f"{stock_unit} belongs to another instance, so nothing is derived from it. {one['reason']} Name the instance by"
                " mastodon_root in sidekiq_options, and its unit by the stock unit of the role."
            )
    stock = next((one for one in found["workers"] if one["name"] == stock_unit), None)
    if stock is None:
        return _without_unit(found, stock_unit)
    if stock["doubt"]:
        return f"Nothing is derived from {stock_unit}, as it may not be of this instance. {stock['doubt']}"
    if stock["container"]:
        return (
            f"{stock_unit} runs Sidekiq in a container, from which no unit can be derived. {_declare(stock['engine'])}"
        )
    if (stock["root"] or "").startswith("/nix/store/"):
        return (
            f"{stock_unit} is made by NixOS, which makes the units anew from its own configuration. Declare the processes there, in"
            " services.mastodon.sidekiqProcesses."
        )
    return ""


def _without_unit(found: Found, stock_unit: str) -> str:
    others = [one for one in found["workers"] if one["running"]]
    contained = [one for one in others if one["container"]]
    if contained:
        return (
            f"There is no {stock_unit} on this host: Sidekiq runs in {_named(contained)}. Do not install a unit, which would be a"
            f" second Sidekiq beside it. {_declare(contained[0]['engine'])}"
        )
    loose = [one for one in others if one["kind"] != "service"]
    if loose:
        return (
            f"There is no {stock_unit} on this host: Sidekiq runs as {_named(loose)}, which no unit started. Stop it first, then install"
            " Mastodon's own unit (dist/mastodon-sidekiq.service)."
        )
    if others:
        which = "it" if len(others) == 1 else "the one from which the others are derived"
        return f"There is no {stock_unit} on this host: Sidekiq runs in {_named(others)}. Set the stock unit of the role to {which}."
    hidden = [one for one in found["unmatched"] if one["ours"] is not False]
    if hidden:
        return (
            f"There is no {stock_unit} on this host, but Sidekiq runs in {_named(hidden)}, and it is not known for whom. Do not install a"
            f" unit before you know. {hidden[0]['reason']}"
        )
    return (
        f"There is no {stock_unit} on this host, and no Sidekiq of this instance runs here. Install Mastodon's own unit first"
        " (dist/mastodon-sidekiq.service); the others are derived from it. Set the stock unit of the role if it has another name."
    )


def _declare(engine: str | None) -> str:
    return _DECLARE.get(engine or "", "Declare its processes where the container is declared.")


def _named(ones: t.Sequence[Found]) -> str:
    names = [_name(one) for one in ones[:_MOST]]
    return ", ".join([*names, f"{len(ones) - _MOST} more"] if len(ones) > _MOST else names)


def _name(one: Found) -> str:
    if one["kind"] == "container":
        return f"the container {one['name']}{' of ' + one['engine'] if one.get('engine') else ''}"
    return str(one["name"])
