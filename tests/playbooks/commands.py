# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that a run prints, ready to be pasted."""

from __future__ import annotations


def printed(text):
    """The commands in the output of a run."""
    found, lines = [], iter(text.splitlines())
    for line in lines:
        if line.startswith("ansible-playbook"):
            command = [line]
            while command[-1].endswith("\\"):
                command.append(next(lines))
            found.append("\n".join(command))
    return found
