# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A record on the disk: a file of mode 0600 that is there whole or not at all, and is changed by one at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import typing as t

from ..._sidekiq import file_lock
from ..._sidekiq.archive.writer import sync_directory
from ..._sidekiq.errors import BadOption, SidekiqError


def write(path: str, text: str, option: str) -> None:
    """Put a text into a record, and both it and its name on the disk.

    Raises SidekiqError, which names `option`, the one for the directory.
    """
    directory = os.path.dirname(path)
    fresh = f"{path}.{secrets.token_hex(4)}"
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)
        except BaseException:
            os.unlink(fresh)
            raise
        sync_directory(directory)
    except (FileExistsError, NotADirectoryError):
        raise BadOption(f"{option}: {directory} is no directory.") from None
    except OSError as problem:
        raise SidekiqError(
            f"The record {path} cannot be written: {problem.strerror}."
            f" Set {option} to a directory with space that may be written to."
        ) from None


@contextlib.contextmanager
def held(path: str) -> t.Iterator[None]:
    """Say with a lock that the edit goes on of which this record is."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        file_lock.hold(descriptor)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: str) -> t.Iterator[None]:
    """Keep others from changing the records beside this one, from before it is read until it is written."""
    directory = os.path.dirname(path)
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield  # reading the record says that it is not there
        return
    except OSError as problem:
        raise BadOption(f"The record {path} cannot be read: {problem.strerror}.") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as problem:
            raise SidekiqError(f"{directory} cannot be locked: {problem.strerror}.") from None
        yield
    finally:
        os.close(descriptor)
