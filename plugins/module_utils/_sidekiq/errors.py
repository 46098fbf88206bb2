# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What can go wrong in a way that the user can understand and fix."""

from __future__ import annotations

import typing as t

Hint = t.Literal[
    "",
    "address",
    "address_or_connect_timeout",
    "address_or_handshake",
    "archive_directory",
    "archive_path",
    "client_certificate",
    "command_timeout",
    "correct_login",
    "database",
    "force_restore",
    "host_name",
    "login_of_sidekiq",
    "lost_data",
    "network",
    "no_tls",
    "remove_login",
    "sentinel_login",
    "sentinels",
    "set_login",
    "set_tls",
    "socket_path",
    "socket_rights",
    "stop_process",
    "tls_ca",
    "tls_cert",
    "tls_files",
    "tls_key",
    "tls_options",
]
"""What a user can do about a failure by an option of a module. Only `_ansible/hints.py` knows these options' names."""


class SidekiqError(Exception):
    """A failure in sentences for the user: what failed, why, and what to do unless `hint` stands for that.

    `origin`: where the settings come from that the hint is about, empty if that is not known.
    """

    def __init__(self, sentences: str = "", hint: Hint = "", origin: str = "") -> None:
        super().__init__(sentences)
        self.hint = hint
        self.origin = origin


class BadOption(SidekiqError):
    """An option, an expression or a configuration file says something that cannot be used."""


class NoConnection(SidekiqError):
    """Redis cannot be reached, refuses the login, or lacks the library that speaks to it."""


def refuse_more(most: int, what: str, count: int, key: str) -> None:
    """Raises SidekiqError for a registry that is too long to be read: some commands for each entry would keep Redis and us busy."""
    if count > most:
        raise SidekiqError(
            f"Redis has {count:,} {what} in the set {key}, more than {most:,}, so they were not read. No Mastodon has so many:"
            " look for a program that makes them (another one in this database, or jobs with made-up queues), and remove"
            " the entries that it left."
        )


def at_least(least: int, name: str, number: int | None) -> None:
    """Raises BadOption for an option that is below that; None is not given."""
    if number is not None and number < least:
        raise BadOption(f"{name} must be at least {least}, not {number}.")
