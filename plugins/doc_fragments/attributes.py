# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules can do."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
"""

    ACTIONGROUP_SIDEKIQ = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/fediverse.mastodon.sidekiq) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - fediverse.mastodon.sidekiq
"""

    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module does not modify anything.
  diff_mode:
    support: N/A
    details:
      - This module does not modify anything.
  idempotent:
    support: full
    details:
      - This module does not modify anything.
"""

    STATE_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - Predicts exactly what the run does.
  diff_mode:
    support: full
    details:
      - Shows numbers of jobs, never their arguments.
  idempotent:
    support: full
"""
