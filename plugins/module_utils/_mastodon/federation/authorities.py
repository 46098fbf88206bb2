# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The certificate authorities whose servers are trusted."""

from __future__ import annotations

import ssl

from ..._sidekiq.errors import BadOption


def trusted_authorities(ca_path: str | None) -> ssl.SSLContext:
    """A context that trusts those of a file, or else those of the system. Raises BadOption for a file without certificates."""
    try:
        return ssl.create_default_context(cafile=ca_path)
    except ssl.SSLError:
        raise BadOption(f"ca_path: {ca_path} holds no certificates in PEM.") from None
    except OSError as problem:
        raise BadOption(f"ca_path: {ca_path} cannot be read on the host of the task: {problem.strerror}.") from None
