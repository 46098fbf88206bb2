# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment= and EnvironmentFile= of a unit, from what systemctl shows."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.environment import (
    parse_environment_file,
    unit_environment,
)


class Shown:
    """A runner whose systemctl shows a given text."""

    def __init__(self, text, code=0):
        self.answer = code, text, ""
        self.commands = []

    def __call__(self, command):
        self.commands.append(command)
        return self.answer


def test_stock_unit():
    run = Shown("Environment=RAILS_ENV=production DB_POOL=25 MALLOC_ARENA_MAX=2 LD_PRELOAD=libjemalloc.so\n")
    assert unit_environment("mastodon-sidekiq.service", run) == {
        "RAILS_ENV": "production",
        "DB_POOL": "25",
        "MALLOC_ARENA_MAX": "2",
        "LD_PRELOAD": "libjemalloc.so",
    }
    [command] = run.commands
    assert command[0] == "systemctl" and command[-2:] == ["--", "mastodon-sidekiq.service"]


@pytest.mark.parametrize(
    ("shown_value", "expected"),
    [
        ('"A=b c" D=e', {"A": "b c", "D": "e"}),
        ("'A=b c' D='e f'", {"A": "b c", "D": "e f"}),
        (r'"A=say \"x\" \\ \$y"', {"A": r'say "x" \ $y'}),
        ("A=b=c", {"A": "b=c"}),
        ("A=", {"A": ""}),
        ("A=b A=c", {"A": "c"}),
        ("", {}),
    ],
)
def test_quoting_of_systemctl(shown_value, expected):
    assert unit_environment("u", Shown(f"Environment={shown_value}\nEnvironmentFiles=\n")) == expected


def test_files_beat_the_unit_and_later_files_earlier_ones(tmp_path):
    (tmp_path / "one.env").write_text("A=one\nB=one\nC=one\n")
    (tmp_path / "two").write_text("C=two\n")
    text = (
        "Environment=A=unit D=unit\n"
        f"EnvironmentFiles={tmp_path}/*.env (ignore_errors=no)\n"
        f"EnvironmentFiles={tmp_path}/two (ignore_errors=yes)\n"
        f"EnvironmentFiles={tmp_path}/absent (ignore_errors=yes)\n"
    )
    assert unit_environment("u", Shown(text)) == {"A": "one", "B": "one", "C": "two", "D": "unit"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=b c", {"A": "b c"}),
        ("A='b $c'", {"A": "b $c"}),
        (r'A="b \"c\" \x"', {"A": r'b "c" \x'}),
        ("A=b \\\nc", {"A": "b c"}),
        ("# A=b", {}),
        ("; A=b", {}),
        ("export A=b", {}),
        ("nonsense", {}),
        (" A = b ", {"A": "b"}),
        ("A=$B", {"A": "$B"}),
    ],
)
def test_lines_of_an_environment_file(line, expected):
    assert parse_environment_file(line) == expected


def test_no_systemd():
    assert unit_environment("u", Shown("", code=1)) == {}

    def absent(_command):
        raise FileNotFoundError("systemctl")

    assert unit_environment("u", absent) == {}
