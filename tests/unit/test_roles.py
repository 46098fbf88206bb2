# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles keep their contract: what meta/argument_specs.yml says is what defaults/main.yml holds."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").glob("*") if path.is_dir())


def read(role: str, path: str) -> Any:
    return yaml.safe_load((ROOT / "roles" / role / path).read_text(encoding="utf-8"))


def options(role: str) -> dict[str, Any]:
    found: dict[str, Any] = read(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return found


def test_there_are_roles():
    assert {"tuning", "workers"} <= set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_specs(role):
    said = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert read(role, "defaults/main.yml") == said


@pytest.mark.parametrize("role", ROLES)
def test_names(role):
    assert all(name.startswith(f"{role}_") for name in options(role))
    variables = ROOT / "roles" / role / "vars" / "main.yml"
    private = yaml.safe_load(variables.read_text(encoding="utf-8")) if variables.exists() else {}
    assert all(name.startswith(f"__{role}_") for name in private)


@pytest.mark.parametrize("role", ROLES)
def test_options_are_documented(role):
    def check(found: dict[str, Any], where: str) -> None:
        for name, option in found.items():
            assert option.get("description") and option.get("type"), f"{where}{name}"
            assert (option["type"] == "list") == ("elements" in option), f"{where}{name}"
            check(option.get("options", {}), f"{where}{name}.")

    check(options(role), "")


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_uses_variables_that_there_are(role):
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(rf"\b{role}_[a-z_]+", text)) <= set(options(role))


TYPED = ("bool", "float", "int", "list")


@pytest.mark.parametrize("role", ROLES)
def test_an_option_that_is_no_text_is_used_as_what_it_is(role):
    """-e gives a text, 'false' for one, and Ansible leaves it that. So vars/main.yml converts it, and the rest uses that."""
    typed = [
        name for name, option in options(role).items() if option["type"] in TYPED and option.get("elements") != "dict"
    ]
    raw = re.compile(rf"(?<![\w.])({'|'.join(typed)})(?![\w:=])(?! \| default\(omit\))")
    for folder in ("tasks", "templates", "handlers"):
        for path in (ROOT / "roles" / role / folder).glob("*"):
            assert not raw.findall(path.read_text(encoding="utf-8")), path
    converted = {
        name: text
        for name, text in (read(role, "vars/main.yml") or {}).items()
        if isinstance(text, str) and name.removeprefix("__") in typed
    }
    for name, text in converted.items():
        of = options(role)[name.removeprefix("__")]["type"]
        as_list = rf"\| fediverse\.mastodon\._as_list(?:\('[a-z]+', '{name.removeprefix('__')}'\))? "
        assert re.search(as_list if of == "list" else rf"\| {of} ", text), name


NAMED = re.compile(r"_(?:queues|queues_elsewhere|domains|units|unfollow)$")


@pytest.mark.parametrize("role", ROLES)
def test_names_in_an_option_are_checked_as_the_modules_check_theirs(role):
    text = "\n".join(map(str, (read(role, "vars/main.yml") or {}).values()))
    for name, option in options(role).items():
        if option["type"] == "list" and option.get("elements") == "str" and NAMED.search(name):
            assert re.search(rf"_as_list\('(?:queues|domains|units|accounts)', '{name}'\)", text), name


@pytest.mark.parametrize("role", ROLES)
def test_facts_are_read_by_their_own_name(role):
    for path in (ROOT / "roles" / role).rglob("*.yml"):
        text = path.read_text(encoding="utf-8")
        # "ansible_facts['...']"; variables of the connection and of the run have no other name
        injected = set(
            re.findall(
                r"\{\{[^}]*?(?<!ansible_facts\.)\b(ansible_(?:distribution|os_family|processor|memtotal|hostname|nodename)\w*)",
                text,
            )
        )
        assert not injected, path
