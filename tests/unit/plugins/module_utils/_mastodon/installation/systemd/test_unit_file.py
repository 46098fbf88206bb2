# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit files as systemd reads them."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.unit_file import (
    Part,
    Unit,
    read_unit_files,
)


def unit(*texts):
    return Unit(
        "a.service", tuple(Part(f"/etc/systemd/system/a.service.d/{n}.conf", text) for n, text in enumerate(texts))
    )


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["[Service]\nExecStart=/a\n"], ["/a"]),
        (["[Service]\nExecStart=/a\n", "[Service]\nExecStart=\nExecStart=/b\n"], ["/b"]),
        (["[Unit]\nExecStart=/no\n[Service]\n# ExecStart=/c\n ExecStart = /d \n"], ["/d"]),
        (["[Service]\nExecStart=/a \\\n# a comment\n  -c 5\n"], ["/a -c 5"]),
    ],
)
def test_values(texts, values):
    assert unit(*texts).values("ExecStart") == values


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("TimeoutSec=15", 15),
        ("TimeoutSec=15\nTimeoutStopSec=40", 40),
        ("TimeoutStopSec=40\nTimeoutSec=15", 15),
        ("TimeoutStartSec=5", 90),
        ("TimeoutStopSec=infinity", float("inf")),
    ],
)
def test_stop_timeout(text, stop):
    assert unit(f"[Service]\n{text}\n").stop_timeout() == stop


def test_environment():
    assert unit('[Service]\nEnvironment="A=1 2" B=3\n', "[Service]\nEnvironment=B=4\n").environment() == {
        "A": "1 2",
        "B": "4",
    }


def test_specifiers_and_files_of_an_instance():
    found = Unit("a@5.service", (Part("/a@.service", "[Service]\nEnvironment=N=%i\nEnvironmentFile=-/etc/%i.env\n"),))
    assert (found.environment(), found.environment_files()) == ({"N": "5"}, ["/etc/5.env"])


def test_files_on_disk(tmp_path):
    (tmp_path / "a.service").write_text("\n[Service]\nExecStart=/a\n\n")
    (tmp_path / "b.conf").write_text("[Service]\nUser=b\n")
    drop_ins = [str(tmp_path / name) for name in ("gone.conf", "b.conf")]
    found = read_unit_files("a.service", str(tmp_path / "a.service"), drop_ins)
    assert [part.path for part in found.parts] == [str(tmp_path / "a.service"), str(tmp_path / "b.conf")]
    assert found.parts[0].text == "[Service]\nExecStart=/a\n" and found.last("User") == "b"
    assert read_unit_files("a.service", str(tmp_path / "gone.service"), drop_ins) is None
