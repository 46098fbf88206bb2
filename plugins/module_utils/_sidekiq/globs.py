# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Patterns of names: `*`, `?` and `[...]` as in a shell, upper and lower case as written; and of domains, `*.example.org`."""

from __future__ import annotations

import fnmatch
import re
import typing as t

_SPECIAL = re.compile(r"[*?[]")


def glob_matcher(patterns: t.Collection[str]) -> t.Callable[[str], bool]:
    """Whether a name matches one of the patterns. Most patterns are plain names, for which a look-up is enough."""
    names = frozenset(pattern for pattern in patterns if not _SPECIAL.search(pattern))
    matches = [re.compile(fnmatch.translate(pattern)).match for pattern in patterns if pattern not in names]
    return lambda name: name in names or any(match(name) for match in matches)


def domain_matcher(domains: t.Collection[str]) -> t.Callable[[str | None], bool]:
    """Whether a domain is one of these; `*.example.org` means each domain below example.org, and not example.org itself."""
    names = frozenset(domain for domain in domains if not domain.startswith("*."))
    endings = tuple(domain[1:] for domain in domains if domain.startswith("*."))
    return lambda domain: domain is not None and (domain in names or bool(endings) and domain.endswith(endings))
