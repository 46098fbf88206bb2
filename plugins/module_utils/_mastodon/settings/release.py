# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which release of Mastodon a checkout holds."""

from __future__ import annotations

import os
import re

_PART = r"def {}\b[\s;]*(?:#[^\n]*\n\s*)*(\d+)\s*;?\s*end\b"

Release = tuple[int, int, int]


def parse_release(text: str) -> Release | None:
    """Major, minor and patch from the text of lib/mastodon/version.rb, which is read and never run."""
    parts = [re.search(_PART.format(name), text) for name in ("major", "minor", "patch")]
    major, minor, patch = (int(part.group(1)) if part else None for part in parts)
    if major is None or minor is None or patch is None:
        return None
    return major, minor, patch


def read_release(mastodon_root: str) -> Release | None:
    """The release in `mastodon_root`; None when there is none that can be read."""
    try:
        with open(os.path.join(mastodon_root, "lib", "mastodon", "version.rb"), encoding="utf-8") as file:
            return parse_release(file.read())
    except (OSError, UnicodeError):
        return None
