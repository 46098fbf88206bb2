# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin prints a text on the terminal and does nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.utils.display import Display

from ansible_collections.fediverse.mastodon.plugins.action import report


@pytest.fixture
def printed(monkeypatch):
    """What is displayed."""
    texts: list[str] = []
    monkeypatch.setattr(Display, "display", lambda _self, text, *_more, **_named: texts.append(text))
    return texts


def run(arguments, check_mode=False):
    task = Task()
    task.action, task.args, task.check_mode, task.async_val = "fediverse.mastodon.report", arguments, check_mode, 0
    context = PlayContext()
    nothing: dict[str, Any] = dict.fromkeys(("loader", "templar", "shared_loader_obj"))
    connection = connection_loader.get("local", context)
    plugin: Any = report.ActionModule(task=task, connection=connection, play_context=context, **nothing)
    return plugin.run(task_vars={})


@pytest.mark.parametrize("check_mode", [False, True])
def test_it_prints_the_text_as_it_is_and_changes_nothing(printed, check_mode):
    result = run({"text": "one\n  two {{ x }}\N{SNOWMAN}"}, check_mode)
    assert printed == ["\none\n  two {{ x }}\N{SNOWMAN}\n"]
    assert result["changed"] is False
    assert not result.get("failed") and not result.get("skipped")
    assert "text" not in result and "msg" not in result


@pytest.mark.parametrize("arguments", [{}, {"text": "a", "colour": "red"}, {"colour": "red"}])
def test_other_options_are_refused(printed, arguments):
    with pytest.raises(AnsibleError, match=r"text|colour"):
        run(arguments)
    assert printed == []


def test_it_needs_no_connection():
    assert report.ActionModule._requires_connection is False
    assert report.ActionModule._supports_check_mode is True
