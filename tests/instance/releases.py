# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases that the make-believe instance runs unless told otherwise: those of Mastodon 4.6."""

from __future__ import annotations

SIDEKIQ = "8.1.6"
UNIQUE_JOBS = "8.1.0"


def at_least(version: str, *release: int) -> bool:
    """Whether `version`, such as "7.3.2", is this release or a later one."""
    return tuple(int(part) for part in version.split(".")) >= release
