# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an archive fits, and what is said to be wrong."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.storage import (
    Estimate,
    fits,
    problems,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.disk import Disk, Mount
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.open_deleted import Holder
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.tmpdir import Temporary

GIB = 1 << 30
TMP = Temporary("/tmp")
UNKNOWN = Estimate()


def disk(free, device=1, total=100 * GIB, inodes=(1000, 900), read_only=False, kind="ext4"):
    mount = Mount("/", kind, "x", ("rw",))
    return Disk(f"/place{device}", f"/place{device}", device, total, free, *inodes, read_only, mount)


@pytest.mark.parametrize(
    ("bytes_", "build", "keep", "expected"),
    [
        (10, disk(13), disk(10, 2), True),
        (10, disk(12), disk(10, 2), False),
        (11, disk(14), disk(11, 2), False),
        (10, disk(13), disk(9, 2), False),
        (10, disk(23), disk(23), True),
        (10, disk(22), disk(22), False),
        (10, disk(13), None, True),
        (None, disk(2 * GIB), None, None),
        (GIB, None, None, None),
    ],
)
def test_fits(bytes_, build, keep, expected):
    assert fits(Estimate(bytes_, "pending"), build, keep) is expected


def ids(build, keep, temporary=TMP, estimate=UNKNOWN, holders=(), threshold=80.0):
    found = problems(build, keep, temporary, estimate, holders, threshold)
    assert all(one.message and one.remedy for one in found)
    assert [one.severity for one in found] == sorted(one.severity for one in found)
    return [one.id for one in found]


def test_nothing_is_wrong():
    assert ids(disk(50 * GIB), disk(50 * GIB, 2)) == []
    assert ids(None, None) == []


def test_full():
    assert ids(disk(20 * GIB), disk(20 * GIB)) == ["build_space"]  # one disk, one sentence
    assert ids(disk(20 * GIB), disk(20 * GIB, 2)) == ["build_space", "keep_space"]
    assert ids(disk(20 * GIB), None, threshold=81.0) == []
    assert ids(disk(50 * GIB, inodes=(1000, 200)), disk(50 * GIB, 2, inodes=(1000, 200))) == [
        "build_inodes",
        "keep_inodes",
    ]


def test_the_worst_comes_first():
    build, keep = disk(GIB, kind="tmpfs"), disk(50 * GIB, 2, read_only=True)
    passed = Temporary("/tmp", None, (("TMPDIR", "/no", "it is not there"),))
    assert ids(build, keep, passed, Estimate(GIB, "pending"), [Holder(7, "ruby", 3, 10 * GIB)]) == [
        "archive_does_not_fit",
        "keep_read_only",
        "deleted_but_open",
        "build_space",
        "build_in_memory",
        "tmpdir_unusable",
    ]


@pytest.mark.parametrize(
    ("build", "keep", "expected"),
    [
        (12, disk(50 * GIB, 2), ["archive_does_not_fit"]),
        (13, disk(50 * GIB, 2), ["archive_may_not_fit"]),
        (19, None, ["archive_may_not_fit"]),
        (20, None, []),
    ],
)
def test_between_what_a_build_takes_and_what_it_can_take_is_a_warning(build, keep, expected):
    assert [
        one for one in ids(disk(build), keep, estimate=Estimate(10, "pending"), threshold=100.0) if "fit" in one
    ] == expected


def test_what_is_kept_on_the_same_disk_counts_too():
    [problem] = problems(disk(29), disk(29), TMP, Estimate(10, "pending"), (), 100.0)[:1]
    assert (problem.id, problem.severity) == ("archive_may_not_fit", "warning")
    assert "It needs about 13 B as a rule, 20 B at most, and 10 B to be kept there." in problem.message


def test_few_deleted_files_are_not_worth_a_word():
    assert ids(disk(50 * GIB), None, holders=[Holder(7, "ruby", 3, 9 * GIB)]) == []
