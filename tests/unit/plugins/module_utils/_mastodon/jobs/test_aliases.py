# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of articles are replaced by those that Mastodon has, with a warning."""

from __future__ import annotations

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs.aliases import (
    CLASSES,
    QUEUES,
    translate,
)


def test_a_name_of_an_article_means_what_mastodon_has():
    names, warnings = translate(["ExportWorker", "MoveWorker"], CLASSES, "class")
    assert names == ["BackupWorker", "MoveWorker"]
    assert warnings == ["Mastodon has no class ExportWorker; taken for BackupWorker."]


def test_one_name_can_mean_several():
    names, warnings = translate(["federation"], QUEUES, "queue")
    assert names == ["push", "ingress", "pull"]
    assert warnings == ["Mastodon has no queue federation; taken for push and ingress and pull."]


def test_a_queue_that_really_exists_is_left_alone():
    assert translate(["export"], QUEUES, "queue", real={"export"}) == (["export"], [])
