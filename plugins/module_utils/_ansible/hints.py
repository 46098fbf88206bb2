# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a user can do about a failure, in the names of the modules' options, which `_sidekiq` does not know."""

from __future__ import annotations

import typing as t

from .._sidekiq.errors import Hint, SidekiqError

_SENTENCES: t.Final[t.Mapping[Hint, str]] = {
    "": "",
    "address": "Start Redis, or correct the address in {address}.",
    "address_or_connect_timeout": (
        "Check the address in {address} and the firewalls between, or raise redis_connect_timeout."
    ),
    "address_or_handshake": (
        "Check the address in {address}; if nothing speaks TLS there, remove TLS (redis:// and no redis_tls) or correct the port."
    ),
    "archive_directory": "Set archive_dir to a directory with space for the jobs, which the user of the task may write to.",
    "archive_path": "Check path, on the host that runs the task.",
    "client_certificate": "Set redis_tls_cert and redis_tls_key.",
    "command_timeout": "Check redis-cli SLOWLOG GET, or raise redis_timeout.",
    "correct_login": "Correct {login}.",
    "database": "Correct redis_db, or the database in the URL (databases in redis.conf).",
    "force_restore": (
        "If these jobs did not run since and were not restored before, force: true restores those that do not wait in their place."
    ),
    "host_name": "Correct the host in {address}, or run the task where the name is known.",
    "login_of_sidekiq": (
        "Widen its ACL rules (redis-cli ACL GETUSER shows them), or log in as the user that Sidekiq uses: {login}."
    ),
    "lost_data": (
        "Find out what Redis has lost first; sidekiq_archive with force: true restores the jobs of the archive that do not wait in"
        " their place."
    ),
    "network": "Check the address in {address} and the network between.",
    "no_tls": "Correct the port, or remove TLS (redis:// and no redis_tls).",
    "remove_login": "Remove it: {login}.",
    "sentinel_login": "Correct redis_sentinel_username and redis_sentinel_password.",
    "sentinels": "Check redis_sentinel_service and redis_sentinels (the settings come from {address}).",
    "set_login": "Set {login}.",
    "set_tls": "A port that speaks only TLS does this too: set redis_tls, or rediss:// in the URL.",
    "socket_path": "Start Redis, or correct the path in {address} (unixsocket in redis.conf).",
    "socket_rights": "Use become, with a user of the group that owns the socket (unixsocketperm in redis.conf).",
    "stop_process": "Or stop the process with sidekiq_process, which restores its jobs.",
    "tls_ca": "Correct redis_tls_ca, or use become.",
    "tls_cert": "Correct redis_tls_cert, or use become.",
    "tls_files": (
        "Set redis_tls_ca to the certificate of its authority, use the host name the certificate is for, or set redis_tls_verify"
        " to false."
    ),
    "tls_key": "Correct redis_tls_key, or use become.",
    "tls_options": "Check the redis_tls options.",
}


def with_hint(failure: SidekiqError) -> str:
    """The sentences of a failure, and what to do about it."""
    hint = _SENTENCES[failure.hint].format(login=_login(failure.origin), address=failure.origin or "the redis_ options")
    return f"{failure} {hint}" if hint else str(failure)


def _login(origin: str) -> str:
    """Where the user and the password stand, for settings from this origin."""
    if origin == "redis_url":
        return "the login in redis_url (or redis_username and redis_password)"
    if not origin or origin.startswith("redis_"):
        return "redis_username and redis_password"
    return f"the user and the password that belong to {origin}, or set redis_url instead"
