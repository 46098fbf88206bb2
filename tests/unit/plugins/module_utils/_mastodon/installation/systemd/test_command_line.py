# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a unit's command line says, from what systemctl shows."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.command_line import (
    UnitCommand,
    sidekiq_options,
    unit_command,
)

STOCK = (
    "ExecStart={ path=/home/mastodon/.rbenv/shims/bundle ; argv[]=/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 25"
    " ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\nTimeoutStopUSec=15s\n"
)


def test_stock_unit():
    assert unit_command("x.service", lambda command: (0, STOCK, "")) == UnitCommand({"concurrency": ["25"]}, 15)


@pytest.mark.parametrize("answer", [(0, "TimeoutStopUSec=1min 30s\n", ""), (1, STOCK, ""), (0, "", "")])
def test_no_such_unit(answer):
    assert unit_command("x.service", lambda command: answer) is None


def test_no_systemd():
    def run(command):
        raise FileNotFoundError(command[0])

    assert unit_command("x.service", run) is None


def test_options():
    command = "sidekiq -c5 -q a,2 -q b --timeout=9 --concurrency 7 -C x.yml -e production -v -t"
    assert sidekiq_options(command.split()) == {
        "concurrency": ["5", "7"],
        "queue": ["a,2", "b"],
        "timeout": ["9"],
        "config": ["x.yml"],
        "environment": ["production"],
    }
