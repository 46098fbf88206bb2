# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe is a job as Sidekiq writes it, tried once."""

from __future__ import annotations

import json

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.queue_probe import (
    WORKER,
    new_probe,
)


def test_the_job():
    seconds, thousandths = (new_probe("pull", WORKER, [0], 1795331156.428, unit) for unit in (False, True))
    job = json.loads(seconds.raw)
    assert (job["class"], job["queue"], job["args"], job["retry"]) == ("LinkCrawlWorker", "pull", [0], False)
    assert job["jid"] == seconds.jid != thousandths.jid
    assert job["enqueued_at"] == 1795331156.428
    assert json.loads(thousandths.raw)["enqueued_at"] == 1795331156428
