# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dotenv files as the Ruby gem reads them; expected values were taken from the gem's own parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.dotenv import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("A=b", {"A": "b"}),
        ("A=", {"A": ""}),
        ("A = b ", {"A": "b"}),
        ("  export A=b", {"A": "b"}),
        ("A: b", {"A": "b"}),
        ("A:b", {}),
        ("A.B=c", {"A.B": "c"}),
        ("# A=b\nB=c", {"B": "c"}),
        ("A=b # note", {"A": "b"}),
        ("A=b#c", {"A": "b"}),
        ("A='b # c' # note", {"A": "b # c"}),
        ('A="b # c"', {"A": "b # c"}),
        ("A=''", {"A": ""}),
        ("A='b'c", {"A": "'b'c"}),
        ("A=it's", {"A": "it's"}),
        ("A='it's'", {"A": "it's"}),
        ("A=b\nA=c", {"A": "c"}),
        ("A=b\r\nB=c\r\n", {"A": "b", "B": "c"}),
        ("\ufeffA=b", {"A": "b"}),
        ('A="one\ntwo"\nB=c', {"A": "one\ntwo", "B": "c"}),
        (r'A="one\ntwo"', {"A": r"one\ntwo"}),
        (r'A="say \"x\" \\ y"', {"A": 'say "x" \\ y'}),
        (r"A=b\ c", {"A": "b c"}),
        (r"A='b\'c'", {"A": r"b\'c"}),
        ("A=b\nB=$A", {"A": "b", "B": "b"}),
        ("A=b\nB=${A}c", {"A": "b", "B": "bc"}),
        ("A=b\nB='$A'", {"A": "b", "B": "$A"}),
        ("A=b\nB=\\$A", {"A": "b", "B": "$A"}),
        ("B=$A\nA=b", {"B": "", "A": "b"}),
        ("A=cost$", {"A": "cost$"}),
        ("A=p$1w-x", {"A": "p-x"}),
        ("A=$OUTSIDE", {"A": "outside"}),
        ("OUTSIDE=own\nA=$OUTSIDE", {"OUTSIDE": "own", "A": "outside"}),
        ("not an assignment\nA=b\n=c\n???", {"A": "b"}),
        ("export A", {}),
        ("A=\nB=c", {"A": "", "B": "c"}),
    ],
)
def test_file_is_read_as_ruby_reads_it(text, expected):
    parsed = parse(text, {"OUTSIDE": "outside"})
    assert parsed.values == expected
    assert parsed.commands == frozenset()


@pytest.mark.parametrize(
    ("text", "values", "commands"),
    [
        ("A=$(touch made)", {}, {"A"}),
        ('A="x$(touch made)y"', {}, {"A"}),
        ("A=$(echo (nested) x)", {}, {"A"}),
        ("A='$(touch made)'", {"A": "$(touch made)"}, set()),
        (r"A=\$(touch made)", {"A": "$(touch made)"}, set()),
        ("A=$()", {"A": "$()"}, set()),
        ("A=$(open", {"A": "$(open"}, set()),
        ("A=$(x)\nA=plain", {"A": "plain"}, set()),
        ("A=plain\nA=$(x)", {}, {"A"}),
        ("A=$(x)\nB=$A.y", {}, {"A", "B"}),
        ("A=$KNOWN_BY_COMMAND", {}, {"A"}),
    ],
)
def test_commands_are_noted_and_never_run(text, values, commands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parsed = parse(text, {}, {"KNOWN_BY_COMMAND"})
    assert parsed.values == values
    assert parsed.commands == commands
    assert list(tmp_path.iterdir()) == []


def test_values_are_not_in_the_repr():
    assert "sesame" not in repr(parse("REDIS_PASSWORD=sesame"))


@given(st.text(alphabet="AB=:$(){}'\"\\# \n\r\tx.é", max_size=60))
def test_any_text_is_read(text):
    parsed = parse(text)
    assert not parsed.commands & parsed.values.keys()
