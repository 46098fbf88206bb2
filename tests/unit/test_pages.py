# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README and docs explain what the rules can find, with the limits and severities that they really have; what they name is there."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest
import yaml

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_info
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.options import connection
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.finding import SEVERITIES

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "plugins" / "module_utils" / "_mastodon" / "diagnosis"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
WITHOUT_LIMITS = {"busy_limit", "queue_latency"}
"""One limits what is shown; the other has a limit for each queue and is looked at by itself."""


def texts(node):
    """The strings that an expression can be."""
    if isinstance(node, ast.IfExp):
        return texts(node.body) | texts(node.orelse)
    assert isinstance(node, ast.Constant), ast.dump(node)
    return {node.value}


def findings():
    """The ids that the rules give to findings, with the severities these can have."""
    found = {}
    for path in RULES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                for name in texts(node.args[0]):
                    found.setdefault(name, set()).update(texts(node.args[1]))
    return found


FINDINGS = findings()


def sections(page):
    """The third-level sections of a page by their headings."""
    parts = re.split(r"^#{2,3} (.+)$", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


EXPLAINED = {
    heading: text for heading, text in sections("docs/findings.md").items() if re.fullmatch(r"\w+_\w+", heading)
}


def anchor(heading):
    """As the web pages of git hosts name it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_rules_are_found():
    assert len(FINDINGS) > 30
    assert FINDINGS["retries_not_moving"] == {"critical", "warning"}
    assert set().union(*FINDINGS.values()) == set(SEVERITIES)


def test_the_page_explains_every_finding_and_no_other():
    assert set(EXPLAINED) == set(FINDINGS)


@pytest.mark.parametrize("name", sorted(FINDINGS))
def test_an_explanation_says_severity_ground_and_cure(name):
    text = EXPLAINED[name]
    first = text.strip().partition("\n\n")[0]
    assert {word for word in SEVERITIES if f"**{word}" in first} == FINDINGS[name]
    assert "* Rests on: " in text
    assert re.search(r"^\* (Fix|Causes and fix|Limits, causes and fix): ", text, re.MULTILINE)


def test_the_readme_lists_every_finding_and_no_other():
    rows = re.findall(
        r"^\| \[`(\w+)`\]\(docs/findings\.md#(\w+)\) \| ([\w, ]+) \| .+ \| .+ \|$",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {name: set(severities.split(", ")) for name, _target, severities in rows} == FINDINGS
    assert len(rows) == len(FINDINGS)
    assert all(name == target for name, target, _severities in rows)


def test_limits_are_named_with_their_defaults():
    said = dict(
        re.findall(r"`(\w+)` \(default ([\w.]+)\)", (ROOT / "docs" / "findings.md").read_text(encoding="utf-8"))
    )
    defaults = {name: option["default"] for name, option in sidekiq_info.HEALTH_OPTIONS.items()}
    numbers = {name: str(value) for name, value in defaults.items() if not isinstance(value, (dict, list))}
    assert said == {name: value for name, value in numbers.items() if name not in WITHOUT_LIMITS}
    latency = defaults["queue_latency"]
    assert (
        f"`queue_latency` (default {', '.join(f'{limit} s for {name}' for name, limit in latency.items())}:"
        in re.sub(r"\s+", " ", EXPLAINED["queue_late"])
    )
    assert "`long_running_classes`" in EXPLAINED["job_running_long"]


@pytest.mark.parametrize("page", PAGES, ids=[path.name for path in PAGES])
def test_links_between_pages_lead_somewhere(page):
    for target, fragment in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8")):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert fragment in {anchor(heading) for heading in headings}, fragment


def test_every_option_of_the_connection_is_explained():
    said = dict(
        re.findall(
            r"^\| `(\w+)` \| (`\w+`|-) \|", (ROOT / "docs" / "connection.md").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    spec = connection.connection_argument_spec()
    names = {name: option["fallback"][1][0] if "fallback" in option else "-" for name, option in spec.items()}
    assert {name: variable.strip("`") for name, variable in said.items()} == names


def mappings(value):
    """All mappings within a value."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(item)


@pytest.mark.parametrize(
    ("variable", "options"),
    [("sidekiq_options", connection.connection_argument_spec()), ("health_options", sidekiq_info.HEALTH_OPTIONS)],
)
def test_variables_on_the_pages_hold_what_the_modules_take(variable, options):
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    blocks = re.findall(r"^```yaml\n(.*?)^```|-e '(\{.*?\})'", text, re.MULTILINE | re.DOTALL)
    shown = [one[variable] for block in blocks for one in mappings(yaml.safe_load("".join(block))) if variable in one]
    assert len(shown) > 1
    assert set().union(*shown) <= set(options)


def there(pattern):
    """Names of files or folders."""
    return sorted(path.stem for path in ROOT.glob(pattern))


def test_the_readme_lists_what_there_is():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    content = readme.partition("## Included content\n")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"^\* (\w+):(.*?)(?=^\* )", content, re.MULTILINE | re.DOTALL))
    own = r"^  \* `fediverse\.mastodon\.(\w+)`: "
    assert re.findall(own, listed["Modules"], re.MULTILINE) == there("plugins/modules/*.py")
    assert re.findall(own, listed["Roles"], re.MULTILINE) == there("roles/*")
    assert sorted(re.findall(r"`(\w+)`", listed["Playbooks"])) == there("playbooks/*.yml")
    assert {f"docs/{name}.md" for name in there("docs/*.md")} == set(re.findall(r"\]\((docs/[\w-]+\.md)", readme))


HOMES = {"module": "plugins/modules/{}.py", "role": "roles/{}/meta/argument_specs.yml", "playbook": "playbooks/{}.yml"}


def rows_of_articles():
    """The rows of the tables about the articles: the step, what to do, who does it, the proof."""
    rows = re.findall(
        r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$",
        (ROOT / "docs" / "articles.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return [row for row in rows if row[0] != "the article" and set("".join(row)) != {"-"}]


ARTICLES = rows_of_articles()


def test_there_are_steps_of_articles():
    assert len(ARTICLES) > 40


@pytest.mark.parametrize(("step", "who", "proof"), [(row[0], row[2], row[3]) for row in ARTICLES])
def test_who_does_the_step_of_an_article_is_there_and_so_is_its_proof(step, who, proof):
    doers = re.findall(r"(module|role|playbook) `(\w+)`", who)
    assert len(doers) == who.count("`") / 2 > 0
    for kind, name in doers:
        assert (ROOT / HOMES[kind].format(name)).exists(), (step, kind, name)
    proofs = re.findall(r"(scenario )?\[`?([\w ]+)`?\]\(([^)]+)\)", proof)
    assert proofs and proof.count("](") == len(proofs)
    for scenario, name, target in proofs:
        path = (ROOT / "docs" / target).resolve()
        if scenario:
            assert path.parent == ROOT / "extensions" / "molecule" / name
            assert (path.parent / "molecule.yml").exists()
        else:
            assert re.search(
                rf"^def test_{name.replace(' ', '_')}\(", path.read_text(encoding="utf-8"), re.MULTILINE
            ), name
