# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of `systemctl show`."""

from __future__ import annotations

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.show import (
    parse_show,
    show,
)

TWO = """Type=simple
EnvironmentFiles=/etc/default/a (ignore_errors=no)
EnvironmentFiles=/etc/default/b (ignore_errors=yes)
ExecStart={ path=/bin/sh ; argv[]=/bin/sh -c echo

Id=no.service ; ignore_errors=no ; start_time=[n/a] }
Id=a.service
LoadState=loaded

Type=simple
Id=b.service
LoadState=not-found
"""


def test_services():
    [shown] = parse_show(TWO.replace("Id=no.service ;", "x ;"))
    assert shown.value("Id") == "a.service" and shown.value("User", "root") == "root"
    assert shown.values("EnvironmentFiles") == [
        "/etc/default/a (ignore_errors=no)",
        "/etc/default/b (ignore_errors=yes)",
    ]
    assert shown.command().startswith("/bin/sh -c echo")


def test_the_command_asks_for_what_tells_services_apart():
    commands = []
    assert show(lambda command: commands.append(command) or (0, "", ""), ["a.service"], ["User"]) == []
    assert commands[0][-3:] == ["Type,Id,LoadState,User", "--", "a.service"]


def test_no_systemd():
    def absent(command):
        raise FileNotFoundError(command[0])

    assert show(absent, ["a.service"], ["User"]) == []
