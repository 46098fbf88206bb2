# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Mastodon's PostgreSQL is: the options of modules that read its rows."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  database_url:
    description:
      - The URL of Mastodon's database, C(postgresql://USER:PASSWORD@HOST:PORT/NAME). Without it the database is the one that Mastodon itself
        uses, by C(DATABASE_URL) or C(DB_HOST), C(DB_PORT), C(DB_NAME), C(DB_USER) and C(DB_PASS) of the environment of the task, the
        environment of O(systemd_unit) and the files in O(mastodon_root).
      - It is asked through C(psql) on the machine where the task runs. As root that runs as the user that owns O(mastodon_root), for peer
        authentication. The password is never on a command line.
      - If it is not set, the value of the environment variable E(FEDIVERSE_DATABASE_URL) is used.
    type: str
  database_timeout:
    description:
      - The number of seconds that one statement may take.
    type: float
    default: 15.0
"""
