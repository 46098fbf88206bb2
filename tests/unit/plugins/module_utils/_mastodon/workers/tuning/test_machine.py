# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be set."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.machine import Preferences
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"threads_max": 0}, "tuning_threads_max is 0; it must be 1 or more"),
        ({"thread_memory": 0}, "tuning_thread_memory is 0"),
        ({"cores": -1}, "tuning_cores is -1; it must not be negative"),
        ({"other_connections": -1}, "tuning_other_connections is -1"),
        ({"memory_share": 80}, "tuning_memory_share is 80; it must be above 0 and at most 1"),
        ({"memory_share": 0.0}, "tuning_memory_share is 0"),
    ],
)
def test_what_cannot_be(values, said):
    with pytest.raises(BadOption, match=said):
        Preferences(**values)
