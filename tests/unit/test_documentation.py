# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation says what the code does: options, examples, and tasks in playbooks, roles and pages."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.fediverse.mastodon.plugins.action import report
from ansible_collections.fediverse.mastodon.plugins.filter import health_report
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host, run_redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMESPACE = "fediverse.mastodon"
PACKAGE = f"ansible_collections.{NAMESPACE}.plugins"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))
FILTERS = sorted(path.stem for path in (ROOT / "plugins" / "filter").glob("[a-z_]*.py"))
WITHOUT_REDIS = {
    "domain_block",
    "export_build_files",
    "export_storage_info",
    "journal_info",
    "remote_server_info",
    "report",
    "run_record",
    "run_record_info",
    "sidekiq_config",
    "sidekiq_host_process",
}
"""Modules that are not in the action group, as they do not take its options of the connection."""
CONSTRAINTS = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")


class Captured(Exception):
    """Carries what a plugin said of its options, and ends it."""


def capture(*_positional, **said):
    raise Captured(said)


@pytest.fixture
def options_of(monkeypatch):
    """The argument spec of a module, or of the action plugin of that name, with its constraints."""

    def spec_of_action(_self, argument_spec, **said):
        capture(argument_spec=argument_spec, **said)

    for module in (run_redis, run_host):
        monkeypatch.setattr(module, "AnsibleModule", capture)
    monkeypatch.setattr(ActionBase, "run", lambda *_positional, **_named: {})
    monkeypatch.setattr(ActionBase, "validate_argument_spec", spec_of_action)

    def read(name):
        with pytest.raises(Captured) as captured:
            if name == "report":
                report.ActionModule.run(report.ActionModule.__new__(report.ActionModule))
            else:
                importlib.import_module(f"{PACKAGE}.modules.{name}").main()
        return captured.value.args[0]

    return read


def documented(name):
    """The documentation of a module, with its fragments."""
    found = yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{name}").DOCUMENTATION)
    for key in ("options", "attributes"):
        found.setdefault(key, {})
    for fragment in found.get("extends_documentation_fragment", []):
        _namespace, _collection, file, *part = fragment.split(".")
        texts = importlib.import_module(f"{PACKAGE}.doc_fragments.{file}").ModuleDocFragment
        more = yaml.safe_load(getattr(texts, part[0].upper() if part else "DOCUMENTATION"))
        for key in ("options", "attributes"):
            for option, said in (more.get(key) or {}).items():
                found[key][option] = {**said, **found[key].get(option, {})}
    return found


def shape(option):
    """What documentation and argument spec both say of an option; parts that are absent are at their defaults."""
    kind = option.get("type", "str")
    found = {
        "type": kind,
        "required": option.get("required", False),
        "default": option.get("default"),
        "choices": option.get("choices"),
        "aliases": option.get("aliases", []),
        "elements": option.get("elements") if kind == "list" else None,
    }
    inner = option.get("suboptions", option.get("options"))
    if inner is not None:
        found["options"] = {name: shape(said) for name, said in inner.items()}
    return found


def test_there_is_something_to_check():
    assert {"report", "sidekiq_info", "sidekiq_health_info"} <= set(MODULES)
    assert {"health_report"} <= set(FILTERS)


@pytest.mark.parametrize("name", MODULES)
def test_options_are_documented_as_they_are(name, options_of):
    said = {option: shape(entry) for option, entry in documented(name)["options"].items()}
    real = {option: shape(entry) for option, entry in options_of(name)["argument_spec"].items()}
    assert said.keys() == real.keys()
    for option in real:
        assert said[option] == real[option], option


@pytest.mark.parametrize("name", MODULES)
def test_environment_variables_are_documented_as_they_are(name, options_of):
    spec = options_of(name)["argument_spec"]
    for option, entry in documented(name)["options"].items():
        fallback = spec[option].get("fallback")
        real = set(fallback[1]) if fallback else set()
        assert set(re.findall(r"E\((\w+)\)", str(entry["description"]))) == real, option


@pytest.mark.parametrize("name", MODULES)
def test_options_say_what_they_are_for_and_name_options_that_there_are(name):
    documentation = documented(name)
    for option, entry in documentation["options"].items():
        assert entry["description"], option
        for other in re.findall(r"O\(([\w.]+)[=)]", str(entry["description"])):
            if not other.startswith(NAMESPACE):
                assert other in documentation["options"], (option, other)


@pytest.mark.parametrize("name", MODULES)
def test_action_group(name):
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    in_group = "action_group" in documented(name)["attributes"]
    assert (name in groups["sidekiq"]) == in_group == (name not in WITHOUT_REDIS)


class Loader(yaml.SafeLoader):
    """Takes the tags of Ansible for what stands behind them."""


Loader.add_multi_constructor("!", lambda loader, _suffix, node: loader.construct_scalar(node))


def texts():
    """Every text with tasks: where it stands, and its YAML."""
    for name in MODULES:
        yield f"EXAMPLES of {name}", importlib.import_module(f"{PACKAGE}.modules.{name}").EXAMPLES
    for name in FILTERS:
        yield f"EXAMPLES of {name}", importlib.import_module(f"{PACKAGE}.filter.{name}").EXAMPLES
    for pattern in ("playbooks/**/*.yml", "roles/**/*.yml", "extensions/**/*.yml"):
        for path in sorted(ROOT.glob(pattern)):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for pattern in ("*.md", "docs/**/*.md", "roles/**/*.md"):
        for path in sorted(ROOT.glob(pattern)):
            blocks = re.findall(r"^```ya?ml\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
            for number, block in enumerate(blocks, start=1):
                yield f"{path.relative_to(ROOT)}, block {number}", block


def calls(value, defaults=False):
    """Module, its options, and whether these are only defaults, of everything that calls one of our modules."""
    if isinstance(value, list):
        for item in value:
            yield from calls(item, defaults)
    elif isinstance(value, dict):
        for key, item in value.items():
            name = str(key).rpartition(".")[2]
            if str(key).startswith(f"{NAMESPACE}.") and (name in MODULES or not isinstance(item, list)):
                yield name, item, defaults
                if name == "combined_info" and not defaults:
                    yield from ((read["module"], read.get("options"), True) for read in item["reads"])
            yield from calls(item, defaults or key == "module_defaults")


TASKS = [(where, *call) for where, text in texts() for call in calls(yaml.load(text, Loader))]


def is_template(value):
    return isinstance(value, str) and "{{" in value


def without_templates(value):
    """The same without the entries of dictionaries that only a run can fill in."""
    if isinstance(value, list):
        return [without_templates(item) for item in value]
    if isinstance(value, dict):
        return {key: without_templates(item) for key, item in value.items() if not is_template(item)}
    return value


def test_examples_call_every_module():
    assert {name for where, name, *_rest in TASKS if where.startswith("EXAMPLES")} == set(MODULES)


@pytest.mark.parametrize(
    ("where", "name", "options", "defaults"), TASKS, ids=[f"{where}-{name}" for where, name, *_rest in TASKS]
)
def test_tasks_use_options_that_there_are(where, name, options, defaults, options_of, monkeypatch):
    assert name in MODULES, f"{where}: there is no {NAMESPACE}.{name}"
    said = options_of(name)
    spec = {option: dict(entry) for option, entry in said["argument_spec"].items()}
    for entry in spec.values():
        entry.pop("fallback", None)
    if is_template(options):
        return
    options = options or {}
    assert isinstance(options, dict), f"{where}: free-form"
    assert set(options) <= set(spec), where
    fixed = without_templates(options)
    for option in set(options) - set(fixed) if not defaults else spec:
        spec[option].pop("required", None)
    constraints = {} if defaults or fixed != options else {key: said[key] for key in CONSTRAINTS if key in said}
    result = ArgumentSpecValidator(spec, **constraints).validate(fixed)
    assert result.error_messages == [], where


def entries(returned, path=()):
    for key, entry in (returned or {}).items():
        yield (*path, key), entry
        yield from entries(entry.get("contains"), (*path, key))


PYTHON: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "dict": dict,
    "list": list,
    "raw": object,
}


@pytest.mark.parametrize("name", MODULES)
def test_returned_values_have_samples_of_their_types(name):
    returned = yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{name}").RETURN)
    for path, entry in entries(returned):
        kind, sample = PYTHON[entry["type"]], entry.get("sample")
        assert entry["description"] and entry["returned"], path
        assert "contains" in entry or "sample" in entry, path
        assert sample is None or isinstance(sample, kind), path
        if entry["type"] == "list":
            assert all(isinstance(item, PYTHON[entry["elements"]]) for item in sample or []), path


def default_of(parameter):
    """As documentation writes it: none for what is required, a list for what must not be changed."""
    if parameter.default is inspect.Parameter.empty:
        return None
    return list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default


@pytest.mark.parametrize("name", FILTERS)
def test_options_of_filters(name):
    found = importlib.import_module(f"{PACKAGE}.filter.{name}")
    documentation = yaml.safe_load(found.DOCUMENTATION)
    function = found.FilterModule().filters()[name]
    first, *others = inspect.signature(function).parameters.values()
    said = {option: entry.get("default") for option, entry in documentation["options"].items() if option != "_input"}
    assert said == {parameter.name: default_of(parameter) for parameter in others}
    assert documentation["options"]["_input"]["required"] and first.default is inspect.Parameter.empty
    assert documentation["name"] == name


def test_the_width_that_is_documented():
    assert inspect.signature(health_report.health_report).parameters["width"].default == 79
