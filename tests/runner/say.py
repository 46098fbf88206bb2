# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tool tells its user, and the two ways in which a step ends early."""

from __future__ import annotations

import sys


class Missing(Exception):
    """This machine lacks something that cannot be installed here: the step is not run, and the text says why."""


class Failed(Exception):
    """A step was run and failed."""


def say(text: str) -> None:
    """Tell on stderr what is being done, so that stdout stays with the command that is run."""
    print(f"dev: {text}", file=sys.stderr, flush=True)
