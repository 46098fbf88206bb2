# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a rule finds."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

SEVERITIES: t.Final = ("critical", "warning", "notice")
"""From worst to mildest. Critical: jobs are lost or stand still. Warning: they will be, or users notice. Notice: good to know."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `subject`: what it is about. `evidence`: the figures it rests on. `fix`: what to do, in words and commands."""

    id: str
    severity: str
    subject: str
    summary: str
    fix: str
    evidence: t.Mapping[str, t.Any] = field(default_factory=dict)


def worst_first(findings: t.Iterable[Finding]) -> list[Finding]:
    """By severity; within one in the order in which the rules found them."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
