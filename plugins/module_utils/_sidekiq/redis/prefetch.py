# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A question to Redis whose answer is fetched later: Redis works on it while we work on the answer before."""

from __future__ import annotations

import typing as t


class Ahead:
    """Asks on a connection of its own; one question at a time may be open."""

    def __init__(self, client: t.Any) -> None:
        self._pool = client.connection_pool
        self._connection: t.Any = None
        self._open = 0

    def ask(self, *commands: t.Sequence[t.Any]) -> None:
        """Send commands. Raises the errors of redis-py."""
        if self._connection is None:
            self._connection = _connection_of(self._pool)
        self._open = len(commands)
        self._connection.send_packed_command(self._connection.pack_commands(commands))

    def answer(self) -> list[t.Any]:
        """The replies to what was asked last, in its order; a refusal among them raises the error of redis-py."""
        replies, refused = [], None
        while self._open:
            try:
                replies.append(self._connection.read_response())
            except _response_error() as problem:
                refused = refused or problem
            self._open -= 1
        if refused is not None:
            raise refused
        return replies

    def close(self) -> None:
        """Give the connection back; one on which an answer is still to come would be of no use to others."""
        if self._connection is not None:
            if self._open:
                self._connection.disconnect()
            self._pool.release(self._connection)
            self._connection = None


def _connection_of(pool: t.Any) -> t.Any:
    try:
        return pool.get_connection()
    except TypeError:  # redis-py before 5.3
        return pool.get_connection("EVAL")


def _response_error() -> type[Exception]:
    from redis.exceptions import ResponseError  # the library may be missing where this module is only imported

    return ResponseError
