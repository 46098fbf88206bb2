# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import re

import pytest
from ansible import context
from ansible.utils.context_objects import CLIArgs

from ansible_collections.fediverse.mastodon.plugins.filter import _undo_command as filter_of
from ansible_collections.fediverse.mastodon.plugins.filter._undo_command import _undo_command

RUN = "20261122T070556Z-export_rescue-1a2b3c"
UNDO = f"ansible-playbook fediverse.mastodon.undo -e run={RUN}"
PLAYBOOK = pathlib.Path(__file__).resolve().parents[4] / "playbooks" / "undo.yml"


@pytest.mark.parametrize(
    ("done", "options", "command"),
    [
        ({"archives": ["/a.jsonl.gz"]}, {}, UNDO),
        ({"steps": [{"did": "block"}]}, {}, UNDO),
        ({"archives": ["/a.jsonl.gz"]}, {"runs_dir": "/r"}, f"{UNDO} -e runs_dir=/r"),
        ({"steps": [{"did": "stop_stuck"}, {"of": 1}]}, {}, ""),
    ],
    ids=["archives", "a block", "records elsewhere", "nothing to undo"],
)
def test_undo_command(done, options, command, monkeypatch):
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({}))
    assert _undo_command({"run": RUN, "archives": [], "steps": [], **done}, **options) == command


def test_the_variables_are_those_of_the_playbook():
    named = set(re.findall(r"^#   ([a-z_]+)  ", PLAYBOOK.read_text(encoding="utf-8"), re.MULTILINE))
    assert filter_of.VARIABLES <= named <= filter_of.VARIABLES | {"run", "undo_force"}
