# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whether a Sidekiq on this host belongs to the Mastodon instance at hand: same root, same Redis and database, same user.

What is not known decides nothing. Two settings that may or may not mean one Redis (a name and an address) are unknown.
"""

from __future__ import annotations

import ipaddress
import os
import typing as t
from dataclasses import dataclass

from ..._sidekiq.errors import SidekiqError
from ..._sidekiq.redis.settings import ConnectionSettings, describe
from ..settings.redis import RELEVANT, sidekiq_redis_settings
from ..settings.release import read_release
from ..settings.variables import collect


@dataclass(frozen=True)
class Instance:
    """The instance at hand. None is unknown: `root` where that folder does not exist, `uid` where root owns the code."""

    root: str | None
    uid: int | None
    redis: ConnectionSettings | None


@dataclass(frozen=True)
class Owner:
    """Whose a unit or process is, as far as it is known.

    `heartbeat`: a heartbeat in the Redis at hand is certainly its own. `own_network`: it is in a network namespace of its
    own, in which localhost and names mean something else.
    """

    root: str | None = None
    uid: int | None = None
    redis: ConnectionSettings | None = None
    heartbeat: bool = False
    own_network: bool = False


@dataclass(frozen=True)
class Verdict:
    """`ours`: True, False, or None if it cannot be told; `reason`: what differs."""

    ours: bool | None
    reason: str = ""


def judge(owner: Owner, instance: Instance) -> Verdict:
    """A different root makes it foreign, and so does a different Redis unless the root is the same: then settings disagree."""
    root = same_root(owner.root, instance.root)
    redis = same_redis(owner.redis, instance.redis)
    if owner.own_network and redis is not None and not _other_database(owner.redis, instance.redis):
        redis = None
    user = None if owner.uid is None or instance.uid is None else owner.uid == instance.uid
    if root is False:
        hint = (
            " Its heartbeat is in the Redis of this task: if both are one instance, set mastodon_root."
            if owner.heartbeat and redis is not False
            else ""
        )
        return Verdict(
            False, f"Its Mastodon root is {owner.root}, not {instance.root}{_and_redis(owner, redis)}.{hint}"
        )
    if redis is False and root:
        return Verdict(
            True,
            f"It uses Redis at {_describe(owner.redis)}, and this task uses {_describe(instance.redis)}. Correct redis_url, or the"
            f" settings in {instance.root}.",
        )
    if redis is False:
        return Verdict(False, f"It uses Redis at {_describe(owner.redis)}, not {_describe(instance.redis)}.")
    if owner.heartbeat or redis or root:
        return Verdict(True)
    if user is False:
        return Verdict(False, f"It runs as the user with the id {owner.uid}, not {instance.uid}.")
    return Verdict(None, "Nothing on this host tells which Mastodon root and Redis it uses.")


_OF_MASTODON: t.Final = (".env.production", "lib/mastodon/version.rb", "config/environment.rb", "config/sidekiq.yml")


def known_root(path: str | None) -> str | None:
    """The folder if it holds an application; a process may have been started in any folder."""
    if path is None or not path.startswith("/"):
        return None
    return path if any(os.path.exists(os.path.join(path, name)) for name in _OF_MASTODON) else None


def same_root(one: str | None, other: str | None) -> bool | None:
    """Whether two folders are the same, symbolic links followed."""
    if one is None or other is None:
        return None
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def same_redis(one: ConnectionSettings | None, other: ConnectionSettings | None) -> bool | None:
    """Whether two settings mean the same Redis and database; None where that cannot be told from the settings alone."""
    if one is None or other is None:
        return None
    if _other_database(one, other):
        return False
    if one.sentinels or other.sentinels:
        same = set(one.sentinels) == set(other.sentinels) and one.sentinel_service == other.sentinel_service
        return True if same else None
    if one.socket is not None or other.socket is not None:
        if one.socket is None or other.socket is None:
            return None
        return os.path.realpath(one.socket) == os.path.realpath(other.socket)
    here, there = _host(one.host), _host(other.host)
    if here == there:
        return one.port == other.port
    return None


def _other_database(one: ConnectionSettings | None, other: ConnectionSettings | None) -> bool:
    """Wherever the servers are, it is not the same data."""
    return one is not None and other is not None and (one.db, one.key_prefix) != (other.db, other.key_prefix)


def _host(name: str) -> str:
    """`localhost` for every name and address of the loopback interface."""
    plain = name.strip("[]").rstrip(".").lower()
    if plain == "localhost" or plain.endswith(".localhost"):
        return "localhost"
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return plain
    mapped = getattr(address, "ipv4_mapped", None) or address
    return "localhost" if mapped.is_loopback else str(mapped)


def effective_redis(
    root: str | None, environment: t.Mapping[str, str] | None, source: str
) -> ConnectionSettings | None:
    """The Redis of a Sidekiq with that environment and root; None if it cannot be told.

    An unknown environment is not an empty one: what it may set comes before the files.
    """
    if environment is None or root is None:
        return None
    try:
        variables = collect(root, environment, source, {})
        if not variables.files and not any(name in variables for name in RELEVANT):
            return None
        settings, _warnings = sidekiq_redis_settings(variables, read_release(root))
    except (SidekiqError, OSError, ValueError):
        return None
    return settings


def _and_redis(owner: Owner, same: bool | None) -> str:
    return f", and its Redis is {_describe(owner.redis)}" if same is False else ""


def _describe(settings: ConnectionSettings | None) -> str:
    return "an unknown address" if settings is None else describe(settings)
