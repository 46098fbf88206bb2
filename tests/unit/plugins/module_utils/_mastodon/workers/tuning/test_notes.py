# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else the role tells of a host."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.machine import MIB

from .test_recommendation import recommended

JEMALLOC = "jemalloc is not loaded"


def test_a_process_of_more_than_a_gigabyte():
    found = recommended(processes=[(1250 * MIB, 20)])["advice"]
    assert (
        "A process of 20 threads uses 1.2 GiB (more than 1.0 GiB). Each thread less saves about 50 MiB. The same threads in two"
        " processes need 250 MiB more, not less."
    ) in found
    assert "A process of" not in str(recommended(processes=[(900 * MIB, 20)])["advice"])


@pytest.mark.parametrize(
    ("libraries", "said"),
    [
        ("\tlibjemalloc.so.2 (libc6,x86-64) => /lib/libjemalloc.so.2\n", True),  # the unit names libjemalloc.so
        ("", True),
        (
            "\tlibjemalloc.so (libc6) => /lib/libjemalloc.so\n\tlibjemalloc.so.2 (libc6) => /lib/libjemalloc.so.2\n",
            False,
        ),
    ],
)
def test_jemalloc_that_the_loader_does_not_find(libraries, said):
    assert (JEMALLOC in str(recommended(processes=[(1250 * MIB, 20)], libraries=libraries)["advice"])) is said
