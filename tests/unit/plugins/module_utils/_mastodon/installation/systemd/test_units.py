# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd says of services, as systemctl prints it."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.units import (
    Unit,
    matches,
    parse_units,
)

STOCK = """Type=simple
Restart=always
TimeoutStopUSec=15s
MainPID=52
ExecStart={ path=/bin/bundle ; argv[]=/bin/bundle exec sidekiq -c 25 ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=52 }
ControlGroup=/system.slice/mastodon-sidekiq.service
Environment=RAILS_ENV=production "A=b c"
User=mastodon
WorkingDirectory=/home/mastodon/live
Id=mastodon-sidekiq.service
LoadState=loaded
ActiveState=active
SubState=running
NeedDaemonReload=no
NRestarts=3
MemoryCurrent=1048576
"""
WRAPPER = """Type=oneshot
MainPID=0
ExecStart={ path=/bin/bash ; argv[]=/bin/bash -c echo

Restart= ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 }
Id=mastodon-wrapper.service
LoadState=loaded
ActiveState=active
SubState=exited
"""
MISSING = """Id=nosuch.service
LoadState=not-found
ActiveState=inactive
"""


def unit(command="", name="x.service"):
    return Unit(name, command=command)


def test_services_as_systemctl_shows_them():
    stock, wrapper = parse_units("\n".join([STOCK, WRAPPER, MISSING]))
    assert (stock.name, stock.state, stock.pid, stock.user) == ("mastodon-sidekiq.service", "active", 52, "mastodon")
    assert (stock.root, stock.stop_timeout, stock.restart) == ("/home/mastodon/live", 15.0, "always")
    assert stock.environment() == {"RAILS_ENV": "production", "A": "b c"}
    assert stock.command == "/bin/bundle exec sidekiq -c 25"
    assert stock.active and not stock.idle and not stock.need_daemon_reload
    assert (stock.restarts, stock.memory) == (3, 1048576)
    assert (wrapper.restarts, wrapper.memory) == (0, None)
    assert wrapper.active and wrapper.idle
    assert wrapper.command.startswith("/bin/bash -c echo")


@pytest.mark.parametrize("nothing", ["", "\n", "no equals sign\n"])
def test_no_services(nothing):
    assert parse_units(nothing) == []


def test_environment_files_win_and_may_be_several(tmp_path):
    (tmp_path / "one").write_text("A=1\nB=1\n")
    (tmp_path / "two").write_text("B=2\n")
    files = "".join(f"EnvironmentFiles={tmp_path / name} (ignore_errors=no)\n" for name in ("one", "two"))
    [stock] = parse_units(STOCK + files)
    assert stock.environment() == {"RAILS_ENV": "production", "A": "1", "B": "2"}


@pytest.mark.parametrize(("said", "seconds"), [("infinity", None), ("1min 30s", 90.0), ("15s", 15.0), ("", None)])
def test_stop_timeouts(said, seconds):
    [stock] = parse_units(STOCK.replace("TimeoutStopUSec=15s", f"TimeoutStopUSec={said}"))
    assert stock.stop_timeout == seconds


@pytest.mark.parametrize(
    ("command", "yes"),
    [
        ("/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 25", True),
        ("/bin/bash -c 'cd live; sidekiq; true'", True),
        ("/usr/bin/podman run --rm live bundle exec sidekiq", True),
        ("/opt/sidekiqswarm", True),
        ("/usr/bin/sidekiq-prometheus-exporter", False),
        ("/usr/bin/tail -f /var/log/sidekiq.log", False),
    ],
)
def test_whether_it_starts_sidekiq(command, yes):
    assert unit(command).mentions_sidekiq is yes


def test_whether_it_runs_a_container():
    assert unit("/usr/bin/podman run live").runs_container
    assert not unit("/bin/bundle exec sidekiq").runs_container


@pytest.mark.parametrize(
    ("pattern", "yes"),
    [
        ("mastodon-sidekiq*.service", True),
        ("mastodon-sidekiq-pull", True),
        ("mastodon-sidekiq-pull.service", True),
        ("mastodon-sidekiq", False),
        ("other*", False),
    ],
)
def test_names_and_patterns(pattern, yes):
    assert matches("mastodon-sidekiq-pull.service", [pattern]) is yes
