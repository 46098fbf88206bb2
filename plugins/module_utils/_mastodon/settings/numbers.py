# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Numbers in settings: variables, units and options may hold any text in their place."""

from __future__ import annotations

import typing as t


def whole_number(value: t.Any) -> int | None:
    """The value as a number, or None if it is not written in the digits 0 to 9."""
    text = "" if value is None else str(value)
    return int(text) if text.isascii() and text.isdigit() else None


def first_number(*values: t.Any) -> int | None:
    """The first of the values that is a number, or None."""
    return next((number for number in map(whole_number, values) if number is not None), None)
