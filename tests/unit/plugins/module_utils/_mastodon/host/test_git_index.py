# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether git tracks a file, against indexes that git itself writes."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.git_index import checkout_that_tracks


@pytest.fixture(params=["2", "4"])
def checkout(request, tmp_path):
    top = tmp_path / "live"
    (top / "config").mkdir(parents=True)
    (top / "config" / "sidekiq.yml").write_text("a: 1\n")
    (top / "config" / "siblings.yml").write_text("a: 1\n")
    (top / "config" / "new.yml").write_text("a: 1\n")
    git(top, "init", "-q")
    git(top, "config", "index.version", request.param)
    git(top, "add", "config/sidekiq.yml", "config/siblings.yml")
    return top


def git(top, *words):
    identity = ["-c", "user.name=x", "-c", "user.email=x@x.example"]
    subprocess.run(["git", *identity, *words], cwd=top, check=True, capture_output=True)


def test_tracked(checkout):
    assert checkout_that_tracks(str(checkout / "config" / "sidekiq.yml")) == str(checkout)
    assert checkout_that_tracks(str(checkout / "config" / "siblings.yml")) == str(checkout)
    assert checkout_that_tracks(str(checkout / "config" / "new.yml")) is None
    assert checkout_that_tracks(str(checkout / "config" / "no.yml")) is None


def test_worktree(checkout, tmp_path):
    git(checkout, "commit", "-q", "-m", "x")
    git(checkout, "worktree", "add", "-q", str(tmp_path / "other"))
    path = tmp_path / "other" / "config" / "sidekiq.yml"
    assert checkout_that_tracks(str(path)) == str(tmp_path / "other")


def test_none(tmp_path):
    (tmp_path / "x.yml").write_text("")
    assert checkout_that_tracks(str(tmp_path / "x.yml")) is None
    (tmp_path / ".git").mkdir()
    assert checkout_that_tracks(str(tmp_path / "x.yml")) is None
