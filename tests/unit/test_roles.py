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


PHASES = {"preflight", "plan", "apply", "verify"}
TAGGED = [role for role in ROLES if any("tags" in task for task in read(role, "tasks/main.yml"))]
READING = {"assert", "debug", "fail", "report", "set_fact", "setup", "sidekiq_wait", "stat", "wait_for"}
OTHER_KEYS = {
    "become",
    "become_user",
    "changed_when",
    "check_mode",
    "delay",
    "diff",
    "environment",
    "failed_when",
    "loop",
}
OTHER_KEYS |= {"loop_control", "name", "no_log", "register", "retries", "tags", "until", "vars", "when"}


def test_the_runbooks_and_what_runs_every_day_have_tags():
    assert {
        "backlog_recovery",
        "export_rescue",
        "export_storage",
        "federation_rescue",
        "prerequisites",
        "redis",
    } <= set(TAGGED)
    assert "restart" in TAGGED


@pytest.mark.parametrize("role", TAGGED)
def test_each_task_of_a_role_has_the_tag_of_its_phase(role):
    for task in read(role, "tasks/main.yml"):
        tags = set(task.get("tags", ()))
        assert tags & PHASES or tags == {"always"}, f"{task['name']}: --tags preflight,plan would skip it"
        if tags & {"preflight", "plan"}:  # what is applied or verified is what was read and planned
            assert tags & {"always", "never"}, task["name"]


@pytest.mark.parametrize("role", TAGGED)
def test_what_runs_with_the_tags_preflight_and_plan_only_reads(role):
    for task in read(role, "tasks/main.yml"):
        if set(task.get("tags", ())) & {"preflight", "plan", "always"}:
            only_reads(role, task)


def only_reads(role: str, task: dict[str, Any]) -> None:
    """Fails for a task that can change the host, also for one in a file that the task includes."""
    if "block" in task:
        for inner in (*task["block"], *task.get("rescue", ()), *task.get("always", ())):
            only_reads(role, inner)
        return
    [action] = set(task) - OTHER_KEYS
    module, given = action.rpartition(".")[2], task[action]
    if module in ("include_tasks", "import_tasks", "include_role"):
        file = given if isinstance(given, str) else given.get("file") or given.get("tasks_from")
        other = role if module != "include_role" else given["name"].rpartition(".")[2]
        for inner in read(other, f"tasks/{file}") if file else ():  # a whole role is tested by itself
            only_reads(other, inner)
        return
    # A command that runs in check mode, too, is declared to change nothing.
    harmless = module in READING or module.endswith("_info") or task.get("check_mode") is True
    assert harmless or (module == "command" and task.get("check_mode") is False), (
        f"{role}: {task['name']} may change the host"
    )
