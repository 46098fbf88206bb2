# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports that are built at the same time share the room there is."""

from __future__ import annotations

import math

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.capacity import Room, room_of
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.storage import build_bytes

GIB = 1024**3


def storage(**changed):
    disk = {"free_bytes": 10 * GIB, "free_inodes": 100}
    usual = {"build": {**disk, "path": "/tmp"}, "keep": {**disk, "path": "/keep"}, "same_disk": False, "problems": []}
    return {**usual, **changed}


def test_what_is_not_known_is_no_limit():
    assert room_of(None) == Room()
    assert Room().take(1000 * GIB) is None
    assert room_of(storage(build={"free_bytes": None, "free_inodes": 1, "path": None})).build == math.inf


def test_each_export_takes_its_part():
    room = room_of(storage())
    assert room.take(GIB) is None
    assert (room.build, room.keep) == (10 * GIB - build_bytes(GIB), 9 * GIB)


def test_the_second_does_not_fit_where_the_first_takes_the_room():
    room = room_of(storage())
    first = 10 * GIB // 2
    while build_bytes(first) >= 10 * GIB:
        first //= 2
    assert room.take(first) is None
    assert "There is no room for it: it needs about" in str(room.take(10 * GIB))
    left = (room.build, room.keep)
    room.take(10 * GIB)
    assert (room.build, room.keep) == left, "what does not fit takes nothing"


def test_a_disk_that_would_be_filled_to_the_last_byte_is_too_small():
    disk = {"free_bytes": build_bytes(GIB), "free_inodes": 1, "path": "/tmp"}
    assert "/tmp, where" in str(room_of(storage(build=disk)).take(GIB))
    assert room_of(storage(build={**disk, "free_bytes": build_bytes(GIB) + 1})).take(GIB) is None


def test_on_one_disk_the_finished_file_counts_too():
    free = build_bytes(GIB) + 1
    disk = {"free_bytes": free, "free_inodes": 1, "path": "/"}
    assert room_of(storage(build=disk)).take(GIB) is None
    assert "in /, where" in str(room_of(storage(build=disk, keep=disk, same_disk=True)).take(GIB))


def test_where_it_is_kept_can_be_full():
    full = {"free_bytes": GIB, "free_inodes": 1, "path": "/keep"}
    assert "in /keep, where" in str(room_of(storage(keep=full)).take(GIB))


def test_a_disk_without_inodes_has_no_room():
    none = {"free_bytes": 10 * GIB, "free_inodes": 0, "path": "/tmp"}
    assert "/tmp, where 0 B are left" in str(room_of(storage(build=none)).take(1))


@pytest.mark.parametrize("name", ["build_read_only", "keep_read_only"])
def test_nothing_is_built_on_a_disk_that_is_read_only(name):
    problem = {"id": name, "message": "It is read-only.", "remedy": "Mount it again."}
    assert room_of(storage(problems=[problem])).take(1) == "It is read-only. Mount it again."
    assert room_of(storage(problems=[{**problem, "id": "low_space"}])).take(1) is None
