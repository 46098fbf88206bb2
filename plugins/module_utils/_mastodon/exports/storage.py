# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whether the next archive fits, and what is wrong with the places for it: pure functions of what was seen.

An archive needs once the size of the account's media where it is kept, and more where it is built: rubyzip keeps entries in
files of their own and writes the archive beside them. Builds with Mastodon 4.6 took 1.02 to 1.28 times the media, as rubyzip
removes each file when it has copied it, and Ruby's garbage collector decides when. More than twice it cannot be.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._sidekiq.humanize import size
from ..host.disk import Disk
from ..host.open_deleted import Holder
from ..host.tmpdir import Temporary

_BUILD_TENTHS: t.Final = 13
"""A build needs at least so many tenths of the media."""
_BUILD_AT_MOST: t.Final = 2
_MUCH_DELETED: t.Final = 10.0
"""Percent of a file system from which on deleted files are worth a word."""


@dataclass(frozen=True)
class Estimate:
    """Bytes of media that the next archive holds. `basis`: pending, largest_account, largest_archive, or None if unknown."""

    bytes: int | None = None
    basis: str | None = None

    @property
    def build(self) -> int | None:
        """What building takes as a rule."""
        return None if self.bytes is None else build_bytes(self.bytes)

    @property
    def build_at_most(self) -> int | None:
        return None if self.bytes is None else _BUILD_AT_MOST * self.bytes


@dataclass(frozen=True)
class Problem:
    """`severity` is critical or warning; `remedy` says what to do."""

    id: str
    severity: str
    message: str
    remedy: str


def build_bytes(media: int) -> int:
    """What building an archive of so many bytes of media takes as a rule."""
    return -(-media * _BUILD_TENTHS // 10)


def fits(estimate: Estimate, build: Disk | None, keep: Disk | None) -> bool | None:
    """Whether there is room for the next archive; None if that cannot be known. `keep` is None for object storage."""
    if estimate.bytes is None or estimate.build is None or build is None:
        return None
    return _holds(build, keep, estimate.build, estimate.bytes)


def _holds(build: Disk, keep: Disk | None, needed: int, kept: int) -> bool:
    if keep is None:
        return build.free >= needed
    if keep.device == build.device:
        return build.free >= needed + kept
    return build.free >= needed and keep.free >= kept


def problems(
    build: Disk | None,
    keep: Disk | None,
    temporary: Temporary,
    estimate: Estimate,
    holders: t.Sequence[Holder],
    threshold: float,
) -> list[Problem]:
    """What is wrong, the worst first. `threshold`: percent in use from which on a place is said to be full."""
    all_problems = [*_fit(build, keep, estimate), *_may_fit(build, keep, estimate), *_deleted(build, holders)]
    for where, disk in (("build", build), ("keep", keep)):
        if disk is not None and not (where == "keep" and build is not None and build.device == disk.device):
            all_problems += _full(where, disk, threshold)
    all_problems += _memory(build)
    for name, path, why in temporary.passed_over:
        message = f"{name} is {path}, and {why}: archives are built in {temporary.path} instead."
        all_problems.append(Problem("tmpdir_unusable", "warning", message, f"Mend {path}, or take {name} away."))
    return sorted(all_problems, key=lambda problem: problem.severity != "critical")


_REMEDY: t.Final = "Make room, or set Environment=TMPDIR= of the unit to a larger disk, below ReadWritePaths=."


def _fit(build: Disk | None, keep: Disk | None, estimate: Estimate) -> t.Iterator[Problem]:
    if fits(estimate, build, keep) is not False or build is None:
        return
    room = f"{size(build.free)} are free in {build.path}, where it is built and needs about {size(estimate.build or 0)}"
    if keep is not None and keep.device == build.device:
        room += f"; the {size(estimate.bytes or 0)} that are kept lie on the same disk"
    elif keep is not None:
        room += f"; {size(keep.free)} in {keep.path}, where it is kept and needs {size(estimate.bytes or 0)}"
    yield Problem(
        "archive_does_not_fit",
        "critical",
        f"The next archive does not fit: {room}.",
        _REMEDY,
    )


def _may_fit(build: Disk | None, keep: Disk | None, estimate: Estimate) -> t.Iterator[Problem]:
    """It fits as a rule, and not if it takes all that a build can take."""
    most = estimate.build_at_most
    if build is None or estimate.bytes is None or most is None or not fits(estimate, build, keep):
        return
    if not _holds(build, keep, most, estimate.bytes):
        kept = "" if keep is None or keep.device != build.device else f", and {size(estimate.bytes)} to be kept there"
        yield Problem(
            "archive_may_not_fit",
            "warning",
            f"The next archive may not fit: {size(build.free)} are free in {build.path}, where it is built. It needs about"
            f" {size(estimate.build or 0)} as a rule, {size(most)} at most{kept}.",
            _REMEDY,
        )


def _full(where: str, disk: Disk, threshold: float) -> t.Iterator[Problem]:
    what = "built" if where == "build" else "kept"
    if disk.read_only:
        message = f"{disk.path}, where archives are {what}, is read-only for Sidekiq."
        yield Problem(
            f"{where}_read_only",
            "critical",
            message,
            f"Name {disk.path} in ReadWritePaths= of the unit, or fix its mount.",
        )
    if disk.used_percent >= threshold:
        message = (
            f"{disk.path}, where archives are {what}, is {disk.used_percent:g} % full; {size(disk.free)} are free."
        )
        yield Problem(f"{where}_space", "warning", message, f"See what takes it: du -xsh {disk.there}/* | sort -h")
    inodes = disk.inodes_used_percent
    if inodes is not None and inodes >= threshold:
        message = (
            f"{disk.path}, where archives are {what}, has used {inodes:g} % of its inodes; {disk.free_inodes} are free."
        )
        yield Problem(
            f"{where}_inodes",
            "warning",
            message,
            f"See where the many files are: du --inodes -xs {disk.there}/* | sort -h",
        )


def _memory(build: Disk | None) -> t.Iterator[Problem]:
    if build is not None and build.in_memory:
        yield Problem(
            "build_in_memory",
            "warning",
            f"Archives are built in memory: {build.path} is a {build.mount.type if build.mount else 'tmpfs'} of {size(build.total)}.",
            "Set Environment=TMPDIR= of the unit to a directory on a disk, below ReadWritePaths=.",
        )


def _deleted(build: Disk | None, holders: t.Sequence[Holder]) -> t.Iterator[Problem]:
    held = sum(holder.bytes for holder in holders)
    if build is None or not build.total or 100 * held / build.total < _MUCH_DELETED:
        return
    most = holders[0]
    yield Problem(
        "deleted_but_open",
        "warning",
        f"{size(held)} in {build.path} are files that were deleted and are still open, most by {most.command} (pid {most.pid}).",
        "They go when that process ends. Restart it when nothing runs in it.",
    )
