# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends: its words are printable, its values stay what they are."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.ending import fail, succeed


class Ended(Exception):
    pass


class Module:
    """Records what it is told, as AnsibleModule prints it."""

    def __init__(self):
        self.warnings, self.result = [], None

    def warn(self, text):
        self.warnings.append(text)

    def exit_json(self, **result):
        self.result = result
        raise Ended

    fail_json = exit_json


def ended(end, *arguments):
    module = Module()
    with pytest.raises(Ended):
        end(module, *arguments)
    return module


def test_a_message_is_one_printable_line_of_bounded_length():
    module = ended(fail, "a\x1b[2J\nb" + "x" * 10_000, {"edited": 3})
    assert module.result["edited"] == 3
    assert module.result["msg"].isprintable() and len(module.result["msg"]) <= 4000


def test_warnings_are_told_and_are_no_part_of_the_result():
    module = ended(succeed, {"changed": False, "warnings": ["a\x1bb", "c"]})
    assert module.result == {"changed": False}
    assert len(module.warnings) == 2 and all(text.isprintable() for text in module.warnings)


def test_the_diff_is_printable_and_values_are_as_they_were():
    module = ended(succeed, {"queue": "a\x1bb", "diff": {"before": "x\x1b\ny\n", "after": ""}})
    assert module.result["queue"] == "a\x1bb"
    assert "\x1b" not in module.result["diff"]["before"] and module.result["diff"]["before"].count("\n") == 2
