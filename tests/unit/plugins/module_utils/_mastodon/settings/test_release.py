# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release is read from version.rb, which is not run."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.release import (
    parse_release,
    read_release,
)

VERSION_RB = """# frozen_string_literal: true

module Mastodon
  module Version
    module_function

    def major
      4
    end

    def minor
      {minor}
    end

    def patch
      {patch}
    end

    def default_prerelease
      'alpha.2'
    end
  end
end
"""


@pytest.mark.parametrize(("minor", "patch"), [(2, 0), (6, 15), (10, 3)])
def test_release_of_a_checkout(tmp_path, minor, patch):
    path = tmp_path / "lib" / "mastodon" / "version.rb"
    path.parent.mkdir(parents=True)
    path.write_text(VERSION_RB.format(minor=minor, patch=patch))
    assert read_release(str(tmp_path)) == (4, minor, patch)


@pytest.mark.parametrize(
    "text",
    ["", "def major\n 4\nend", "def major; 4; end; def minor; x; end; def patch; 1; end", "def majority\n4\nend"],
)
def test_release_that_cannot_be_read(text):
    assert parse_release(text) is None


def test_short_form_and_comments():
    assert parse_release("def major = 5\ndef major; 4; end\ndef minor\n # six\n 6\nend\ndef patch() 1 end") is None
    assert parse_release("def major; 4; end\ndef minor\n # six\n 6\nend\ndef patch\n1\nend") == (4, 6, 1)


def test_no_checkout(tmp_path):
    assert read_release(str(tmp_path)) is None
    (tmp_path / "lib" / "mastodon" / "version.rb").mkdir(parents=True)
    assert read_release(str(tmp_path)) is None
