# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as Ansible does, with its arguments and the result that it prints, in this process."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
from typing import Any

from ansible.module_utils.testing import patch_module_args

PACKAGE = "ansible_collections.fediverse.mastodon.plugins.modules"
SECRET = "s3cret-post-of-somebody"
"""For arguments of jobs: no result may hold it."""


def run(name: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """What the module returns; an AssertionError if it ends in another way than by a result, or tells a secret."""
    module = importlib.import_module(f"{PACKAGE}.{name}")
    out, err = io.StringIO(), io.StringIO()
    arguments = {**options, "_ansible_check_mode": check_mode, "_ansible_diff": True}
    try:
        with patch_module_args(arguments), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            module.main()
    except SystemExit:
        pass
    else:
        raise AssertionError("it did not end with a result")
    finally:
        gc.enable()
    text = out.getvalue()
    assert "Traceback" not in text + err.getvalue()
    assert SECRET not in text
    result: dict[str, Any] = json.loads(text)
    return result


def account(result: dict[str, Any]) -> dict[str, int]:
    """What sidekiq_process says became of the jobs that ran, but for what is zero; an AssertionError unless it adds up."""
    parts = {name: result[name] for name in ("completed", "retried", "pushed_back", "restored", "lost", "not_known")}
    assert result["ran"] == sum(parts.values()), result
    ended = [job for process in result["processes"] if process["outcome"] == "stopped" for job in process["jobs"]]
    assert result["ran"] >= len(ended), result
    return {name: number for name, number in parts.items() if number}
