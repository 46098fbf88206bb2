# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests are where the code is: tests/unit/plugins mirrors plugins, and what tests all of it lies above."""

from __future__ import annotations

import pathlib

UNIT = pathlib.Path(__file__).resolve().parent
CHECKOUT = UNIT.parents[1]
SEVERAL = {"plugins/filter/test_units.py"}
"""Tests of filters that hand on one reading of a host to each other."""


def test_each_test_is_at_the_path_of_what_it_tests():
    strays = []
    for path in UNIT.glob("plugins/**/test_*.py"):
        tested = CHECKOUT / path.relative_to(UNIT).with_name(path.name[len("test_") :])
        if not tested.exists() and path.relative_to(UNIT).as_posix() not in SEVERAL:
            strays.append(str(path.relative_to(UNIT)))
    assert not strays


def test_the_exceptions_are_there():
    assert all((UNIT / name).exists() for name in SEVERAL)
