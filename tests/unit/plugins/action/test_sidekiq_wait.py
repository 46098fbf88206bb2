# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting on the controller: when it looks, what it says, and how it ends. That the module looks is tested elsewhere."""

from __future__ import annotations

import os
import pty
import time
from typing import Any

import pytest
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.utils.display import Display

from ansible_collections.fediverse.mastodon.plugins.action import sidekiq_wait

NAME = "size of queue push"


class Waiting:
    """Runs the action; time passes only while it sleeps."""

    def __init__(self, monkeypatch) -> None:
        self.now, self.looks = 0.0, 0
        self.printed: list[Any] = []
        self.check_modes: list[bool] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self._sleep)
        monkeypatch.setattr(Display, "display", lambda _self, text, *_more, **said: self.printed.append((text, said)))
        monkeypatch.delenv("CI", raising=False)

    def _sleep(self, seconds):
        self.now += seconds

    def run(self, lefts, check_mode=False, until=None, hosts=("social",), by_heartbeat=False, **options):
        task = Task()
        task.action, task.check_mode, task.async_val = sidekiq_wait.MODULE, check_mode, 0
        task.args = {"until": until or [{"queue": "push", "size": 0}], **options}
        context = PlayContext()
        nothing: dict[str, Any] = dict.fromkeys(("loader", "templar", "shared_loader_obj"))
        connection = connection_loader.get("local", context)
        plugin: Any = sidekiq_wait.ActionModule(task=task, connection=connection, play_context=context, **nothing)
        coming = iter(lefts)

        def look(module_name, task_vars):
            self.check_modes.append(task.check_mode)
            left = next(coming)
            if isinstance(left, str):
                return {"failed": True, "msg": left}
            one = {"name": NAME, "wanted": "at most 0", "observed": left, "left": float(left), "met": left == 0}
            one["by_heartbeat"] = by_heartbeat
            return {"changed": False, "met": left == 0, "conditions": [one], "heartbeats": {"a:1:b": self.now // 10}}

        plugin._execute_module = look
        variables = {"inventory_hostname": "social", "ansible_play_hosts": list(hosts)}
        return plugin.run(task_vars=variables)

    @property
    def lines(self):
        return [text for text, said in self.printed if said.get("newline", True)]


@pytest.fixture
def waiting(monkeypatch):
    monkeypatch.setattr(sidekiq_wait, "is_terminal", lambda: False)
    return Waiting(monkeypatch)


def test_what_holds_is_not_waited_for(waiting):
    result = waiting.run([0])
    assert (result["met"], result["would_wait"], result["elapsed"]) == (True, False, 0.0)
    assert waiting.printed == []


def test_it_looks_until_all_is_met_and_says_so_now_and_then(waiting):
    result = waiting.run([*range(20, -1, -1)], interval="5s")
    assert (result["met"], result["would_wait"], result["elapsed"], result["changed"]) == (True, True, 100.0, False)
    assert waiting.check_modes == [True] * 21, "the module only looks"
    assert waiting.lines == [
        f"social: {NAME}: 20, wanted at most 0; 0 s waited",
        f"social: {NAME}: 14, wanted at most 0, 0.2/s done; 30 s waited; about 70 s to go",
        f"social: {NAME}: 8, wanted at most 0, 0.2/s done; 60 s waited; about 40 s to go",
        f"social: {NAME}: 2, wanted at most 0, 0.2/s done; 90 s waited; about 10 s to go",
        "social: all is as it should be, after 100 s",
    ]


def test_a_time_out_says_how_far_it_came(waiting):
    result = waiting.run([9, 8, 7, 6, 5], interval="5s", timeout="12s")
    assert result["failed"]
    assert result["elapsed"] == 12.0
    assert "Not all conditions were met in time: size of queue push: 6" in result["msg"]
    assert result["conditions"][0]["left"] == 6.0


def test_check_mode_looks_once(waiting):
    result = waiting.run([3, 2], check_mode=True)
    assert (result["met"], waiting.now, waiting.printed) == (False, 0.0, [])


def test_what_heartbeats_tell_is_certain_after_one_more(waiting):
    result = waiting.run([1, 0, 0, 0, 0, 0], until=["busy=0"], by_heartbeat=True, interval="6s")
    assert result["elapsed"] == 24.0, "it was so at 6 s, the process had beaten again at 12 s, and once more at 20 s"


def test_an_error_of_the_module_ends_it(waiting):
    result = waiting.run([2, "no Redis"], interval="1s")
    assert (result["failed"], result["msg"]) == (True, "no Redis")


@pytest.mark.parametrize("options", [{"timeout": "soon"}, {"interval": "0s"}])
def test_spans_that_cannot_be_read(waiting, options):
    result = waiting.run([0], **options)
    assert result["failed"] and next(iter(options)) in result["msg"]


def test_a_bar_on_a_terminal_is_drawn_again_in_its_place(waiting, monkeypatch):
    monkeypatch.setattr(sidekiq_wait, "is_terminal", lambda: True)
    waiting.run([4, 2, 0], interval="1s")
    bars = [text for text, said in waiting.printed if not said.get("newline", True)]
    assert [one[:23] for one in bars] == [
        "\r[....................]",
        "\r[##########..........]",
        "\r[####################]",
    ]
    assert len({len(one) for one in bars}) == 1, "each covers the one before"
    assert waiting.lines == [""]


def test_lines_where_a_bar_would_not_do(waiting, monkeypatch):
    monkeypatch.setattr(sidekiq_wait, "is_terminal", lambda: True)
    waiting.run([4, 0], hosts=("social", "other"))
    monkeypatch.setenv("CI", "true")
    waiting.run([4, 0])
    assert all(text.startswith("social: ") for text, _said in waiting.printed)
    assert len(waiting.printed) == 4


def test_the_terminal_is_that_of_the_parent(monkeypatch):
    ours, theirs = pty.openpty()
    read, written = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(theirs, 1)  # a parent with a terminal
        grandchild = os.fork()
        if grandchild == 0:
            os.dup2(written, 1)  # its worker has none
            os.write(written, b"yes" if sidekiq_wait.is_terminal() else b"no")
            os._exit(0)
        os.waitpid(grandchild, 0)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 9) == b"yes"
    for descriptor in (ours, theirs, read, written):
        os.close(descriptor)
    monkeypatch.setattr(os, "getppid", lambda: 2**30)
    monkeypatch.setattr(sidekiq_wait.color, "ANSIBLE_COLOR", False)
    assert not sidekiq_wait.is_terminal()
