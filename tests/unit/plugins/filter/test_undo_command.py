# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.filter.undo_command import undo_command

RUN = "20261122T070556Z-export_rescue-1a2b3c"
UNDO = f"fediverse.mastodon.undo -e run={RUN}"


@pytest.mark.parametrize(
    ("done", "options", "command"),
    [
        ({"archives": ["/a.jsonl.gz"]}, {}, f"ansible-playbook {UNDO}"),
        ({"steps": [{"did": "block"}]}, {}, f"ansible-playbook {UNDO}"),
        (
            {"archives": ["/a.jsonl.gz"]},
            {"inventory": ["a b.yml", "x,"]},
            f"ansible-playbook -i 'a b.yml' -i x, {UNDO}",
        ),
        ({"archives": ["/a.jsonl.gz"]}, {"runs_dir": "/r"}, f"ansible-playbook {UNDO} -e runs_dir=/r"),
        ({"steps": [{"did": "stop_stuck"}, {"of": 1}]}, {}, ""),
    ],
    ids=["archives", "a block", "inventories", "records elsewhere", "nothing to undo"],
)
def test_undo_command(done, options, command):
    assert undo_command({"run": RUN, "archives": [], "steps": [], **done}, **options) == command
