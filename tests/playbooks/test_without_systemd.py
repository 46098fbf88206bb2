# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks that change units say so where there are none, as in a container."""

from __future__ import annotations

import pathlib

import pytest

SYSTEMD = pathlib.Path("/run/systemd/system")


@pytest.mark.skipif(SYSTEMD.exists(), reason="systemd runs here: the hosts tier runs these playbooks on such hosts")
@pytest.mark.parametrize("name", ["restart", "tuning", "workers"])
def test_a_host_without_systemd_is_told_so(ansible_playbook, name):
    here = ("-i", "social.example,", "-c", "local", "--check")
    status, text = ansible_playbook(f"fediverse.mastodon.{name}", *here, variables={"ansible_become": False})
    assert status == 2
    assert "No systemd runs on this host" in text
