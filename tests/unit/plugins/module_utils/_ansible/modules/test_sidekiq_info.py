# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the reading modules. What they return is tested against a real Redis."""

from __future__ import annotations

from dataclasses import fields

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import output
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_info
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.thresholds import Thresholds
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import PARTS


def validated(spec, **options):
    result = ArgumentSpecValidator(spec).validate(options)
    assert result.error_messages == []
    return result.validated_parameters


def test_thresholds_are_options_with_the_same_defaults():
    options, limits = validated(sidekiq_info.HEALTH_OPTIONS), Thresholds()
    for field in fields(Thresholds):
        ours, theirs = options[field.name], getattr(limits, field.name)
        assert (list(ours) if isinstance(ours, list) else ours) == (
            list(theirs) if field.name.endswith("s") and isinstance(theirs, tuple) else theirs
        ), field.name


def test_every_section_has_its_parts_and_its_shape():
    for name, parts in sidekiq_info.SECTIONS.items():
        assert set(parts) <= set(PARTS)
        assert callable(getattr(output, name))
    assert set(PARTS) == {part for parts in sidekiq_info.SECTIONS.values() for part in parts}


def test_locks_are_read_only_when_asked_for():
    assert set(sidekiq_info.SECTIONS) - set(validated(sidekiq_info.INFO_OPTIONS)["sections"]) == {"locks"}


@pytest.mark.parametrize(("text", "size"), [("500M", 500 * 1024**2), ("2G", 2 * 1024**3), ("1048576", 1024**2)])
def test_sizes_may_be_written_with_their_unit(text, size):
    assert validated(sidekiq_info.HEALTH_OPTIONS, rss_warning=text)["rss_warning"] == size
