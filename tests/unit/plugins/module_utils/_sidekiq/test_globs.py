# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of names and of domains."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.globs import domain_matcher, glob_matcher


@pytest.mark.parametrize(
    ("patterns", "name", "matches"),
    [
        (["PushWorker"], "PushWorker", True),
        (["PushWorker"], "pushworker", False),
        (["PushWorker"], "PushWorker2", False),
        (["*::Push*"], "ActivityPub::PushWorker", True),
        (["A", "B?"], "B1", True),
        (["[AB]C"], "BC", True),
        (["[AB]C"], "[AB]C", False),
        (["A.B"], "AxB", False),
        (["a*"], "a\nb", True),
        ([], "", False),
    ],
)
def test_names(patterns, name, matches):
    assert glob_matcher(patterns)(name) is matches


@pytest.mark.parametrize(
    ("domains", "domain", "matches"),
    [
        (["gone.example"], "gone.example", True),
        (["gone.example"], "a.gone.example", False),
        (["*.gone.example"], "a.gone.example", True),
        (["*.gone.example"], "gone.example", False),
        (["*.gone.example"], "agone.example", False),
        (["b.example", "*.gone.example"], "b.example", True),
        (["gone.example"], None, False),
        ([], "gone.example", False),
    ],
)
def test_domains(domains, domain, matches):
    assert domain_matcher(domains)(domain) is matches
