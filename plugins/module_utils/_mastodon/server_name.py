# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which texts can be the name of a remote server. Whoever sends an activity chooses what stands in a job."""

from __future__ import annotations

import re
import typing as t

_LABEL: t.Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: t.Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
"""Letters, digits, hyphens and underscores; 63 characters between two dots and 253 in all (RFC 1035, section 2.3.4)."""


def is_server_name(text: str) -> bool:
    """Whether a name server could know it. A pattern, an address of IPv6 and a name in another script than ASCII are none."""
    return _NAME.fullmatch(text) is not None
