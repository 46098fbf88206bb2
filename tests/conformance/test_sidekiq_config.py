# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Ruby reads an edited config/sidekiq.yml as Sidekiq does: what was wanted is there, and everything else as it was."""

from __future__ import annotations

import difflib
import itertools
import json
import random
import re
import subprocess

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.plan import KEYS, Settings, plan
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.queues import Queue
from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import MOUNTED, RELEASES, RUBY
from ansible_collections.fediverse.mastodon.tests.lab.roots import command_in, ensure_root
from ansible_collections.fediverse.mastodon.tests.redis.sidekiq_ymls import TEXTS

WEIGHTED = (Queue("push", 7), Queue("default", 8), Queue("pull"), Queue("on", 3))
STRICT = (Queue("pull"), Queue("default"), Queue("push"))
WANTED = {
    "concurrency": Settings(concurrency=13),
    "timeout": Settings(timeout=31),
    "weights": Settings(queues=WEIGHTED),
    "strict": Settings(queues=STRICT),
    "one": Settings(queues=(Queue("push", 6),)),
    "all": Settings(concurrency=1, queues=(*WEIGHTED, Queue("mailers", 2), Queue("no:thing.x")), timeout=200),
}
ENVIRONMENTS = (None, "production", "staging", "development", "test", "new")
REFUSED = {
    ("ERB", None, "queues"): "line 10: the weight is made by ERB and cannot be taken away",
    ("ERB that trims", None, "queues"): "line 10: the weight is made by ERB and cannot be taken away",
    ("anchors", "production", "timeout"): "line 10: timeout may come from what is merged here (<<)",
    ("anchors", "production", "queues"): "line 10: queues may come from what is merged here (<<)",
    ("anchors", "staging", "concurrency"): "line 13: concurrency may come from what is merged here (<<)",
    ("anchors", "staging", "queues"): "line 13: queues may come from what is merged here (<<)",
}
"""What cannot be edited in these texts, and why."""
EDITED = re.compile(
    r"\s*[:'\"]?(concurrency|queues|timeout|production|staging|development|test|new)['\"]?[ \t]*:|\s*-\s|\s+\d+\s*$"
)
"""The lines that an edit may take out or put in."""


def ask(release, requests):
    """The answers of one Ruby to all requests."""
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    argv = ["ruby", f"{MOUNTED}/config.rb"]
    pipe = subprocess.PIPE
    env = {"RUBYOPT": "-W0"}
    process = command_in(ensure_root(release.suite), argv, env, {RUBY: MOUNTED}, stdin=pipe, stdout=pipe, stderr=pipe)
    out, err = process.communicate(lines.encode(), timeout=120)
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == len(requests), err.decode()
    return answers


def name(key):
    """A key as Sidekiq sees it; Ruby shows a text as "text" and a symbol as :symbol."""
    return key.strip(':"')


def level(raw, environment):
    """The pairs of the section, or of the top."""
    if environment is None:
        return raw or []
    return next((value or [] for key, value in raw or [] if name(key) == environment), [])


def rest(raw, environment, keys):
    """All pairs but those that were wanted; a section with nothing else in it counts as none."""
    kept = [pair for pair in level(raw, environment) if name(pair[0]) not in keys]
    if environment is None:
        return kept
    others = [pair for pair in raw or [] if name(pair[0]) != environment]
    return [others, kept]


def queues(value):
    """Queues as Sidekiq reads them from YAML."""
    items = [item if isinstance(item, list) else [item] for item in value]
    return [Queue(json.loads(item[0]), *item[1:]) for item in items]


def check(text, wanted, environment, planned, before, after):
    """Compare what Ruby reads before and after."""
    assert "error" not in before, (before, text)
    assert "error" not in after, (after, planned.text)
    assert rest(before["raw"], environment, wanted.stated) == rest(after["raw"], environment, wanted.stated)
    found = {name(key): value for key, value in level(after["raw"], environment)}
    read_by_sidekiq = {name(key): value for key, value in after["sidekiq"]}
    for key in wanted.stated:
        if key != "queues":
            assert found[key] == getattr(wanted, key), planned.text
            assert not environment or read_by_sidekiq[key] == getattr(wanted, key), planned.text
            continue
        if any(queue.weight for queue in wanted.queues):
            assert sorted(queues(found[key]), key=str) == sorted(wanted.queues, key=str), planned.text
        else:
            assert queues(found[key]) == list(wanted.queues), planned.text
        if environment:  # Sidekiq 6 has a queue as often as its weight says by now
            names = {json.loads(item[0] if isinstance(item, list) else item) for item in read_by_sidekiq[key]}
            assert names == {queue.name for queue in wanted.queues}
    for line in difflib.ndiff(lines(text), lines(planned.text)):
        assert line[0] in " ?" or EDITED.match(line[2:]), line


def lines(text):
    """Lines with their ends; a line at the end of the text counts as ended, since another may have to follow it."""
    found = re.findall(r"[^\n]*\n|[^\n]+\Z", text)
    end = "\r\n" if "\r\n" in text else "\n"
    return [line if line.endswith("\n") else line + end for line in found]


def cases(texts):
    for (title, text), environment, wanted in itertools.product(texts, ENVIRONMENTS, WANTED.values()):
        yield title, text, environment, wanted, plan(text, wanted, environment)


def judge(release, found):
    """Let one Ruby judge all plans that there are."""
    trims = release.version.startswith("6.")  # what ends in -%> is a syntax error for Sidekiq 6
    done = [case for case in found if case[4].reason is None and not (trims and case[0] == "ERB that trims")]
    requests = []
    for _title, text, environment, _wanted, planned in done:
        requests += [{"text": each, "environment": environment or "none"} for each in (text, planned.text)]
    answers = iter(ask(release, requests))
    for _title, text, environment, wanted, planned in done:
        check(text, wanted, environment, planned, next(answers), next(answers))
    return len(done)


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)
def test_ruby_reads_what_was_wanted_and_all_else_as_before(release):
    found = list(cases(TEXTS.items()))
    assert judge(release, found) > 400


def test_only_these_are_refused():
    refused = {}
    for title, _text, environment, wanted, planned in cases(TEXTS.items()):
        if planned.reason:
            (key,) = wanted.stated if len(wanted.stated) == 1 else (None,)
            refused[title, environment, key] = planned.reason
    assert {case: why for case, why in refused.items() if case[2]} == REFUSED


def test_a_second_plan_changes_nothing():
    for _title, _text, environment, wanted, planned in cases(TEXTS.items()):
        again = plan(planned.text, wanted, environment)
        if planned.reason is None:
            assert again.text == planned.text
            assert again.before == again.after == planned.after


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)
def test_the_variable_still_counts(release):
    env = {"SIDEKIQ_CONCURRENCY": "7", "SIDEKIQ_TIMEOUT": "8", "WEIGHT": "9", "ROOMY": "yes"}
    texts = [plan(TEXTS[title], WANTED["all"]).text for title in ("4.6", "ERB")]
    stock, erb = ask(release, [{"text": text, "environment": "production", "env": env} for text in texts])
    assert dict(stock["sidekiq"])[":concurrency"] == dict(erb["sidekiq"])[":concurrency"] == 7
    assert dict(erb["sidekiq"])[":timeout"] == 8
    assert ['"default"', 9] in dict(erb["raw"])[":queues"]
    assert dict(erb["sidekiq"])[":tag"] == '"roomy"'


NUMBERS = (
    "5", "  7", "\t3", '"5"', "'6'", "", "~", "5 # five", "<%= 4 %>", "<%= ENV.fetch('NO_SUCH', 5) %>", "0x10", "1_000", "many",
    "<%= ENV['NO_SUCH'] || '6' %>", "<%= 2 + 2 %>", "|\n    5", "\n    5", "5\n    6", "&five 5", "!!int 5", "5.0", "05",
)  # fmt: skip
ITEMS = (
    "default", "[default, 8]", "['default']", '["push", 6] # six', "push,6", "'push,6'", "[ pull , 1 ]", "[pull]", ":mailers", "yes",
    "[mailers, <%= 3 %>]", '"a b"', "\n      - other\n      - 3", "[scheduler,]", "{a: 1}", "1", "~", "*five", "[x, '4']", "[x, 4, 5]",
    "<%= 'x' %>", "x:y", "[fasp", "ingress  ", "[[default, 2]]", "'it''s'", "&a b", "[ingress, 4]# no comment", "ingress# no comment", "a: 1", "b:",
)  # fmt: skip
OTHERS = (
    ":verbose: false", "max_retries: 3", "# :queues:", "", "text: |\n    concurrency: 4\n  - [push, 3]\n", "list: [a,\n  'b']",
    "<% if true %>\n:tag: x\n<% end %>", "<%# :queues: %>", "other:\n  concurrency: 4\n  queues:\n    - x", "a: \"b\n  timeout: 3\"",
    "five: &five 5", "plain: more\n  of it", "   # deep", "<%- y = 3 -%>", "- item", "---", "\ttab: 1", "<%= 'x: 1' %>", "z: 'it''s'",
    "[flow]: 1", "? complex", "<<: {verbose: true}", "*five : 1", "z:no", '"concurrency" : 3', "...", "k: >\n\n    a\n  b", "{a: b}",
    "<% if false %>\n:concurrency: 9\n<% end %>", "k: |+\n  a\n\n", "<% if true %>\ntimeout: 9\n<% else %>\ntimeout: 8\n<% end %>",
)  # fmt: skip


def random_text(draw):
    """Lines of all kinds below each other, more often sound than not."""
    parts = draw.choices(OTHERS, k=draw.randint(0, 5), weights=[6] * 14 + [1] * (len(OTHERS) - 14))
    sign = draw.choice((":", ":", ""))
    if draw.random() < 0.7:
        parts.append(f"{sign}concurrency: {draw.choice(NUMBERS)}")
    if draw.random() < 0.4:
        parts.append(f"{sign}timeout: {draw.choice(NUMBERS)}")
    if draw.random() < 0.8:
        items = draw.choices(ITEMS, k=draw.randint(0, 5), weights=[4] * 13 + [1] * (len(ITEMS) - 13))
        indent = draw.choice(("  ", "    ", ""))
        parts.append("\n".join([f"{sign}queues:", *(f"{indent}- {item}" for item in items)]))
    draw.shuffle(parts)
    if draw.random() < 0.4:
        section = random_text(draw) if draw.random() < 0.7 else ""
        shifted = re.sub(r"(?m)^(?=.)", "  ", section)
        parts.append(f"{draw.choice((':', ''))}production:\n{shifted}")
    text = "\n".join(parts)
    if draw.random() < 0.2:
        text = text.replace("\n", "\r\n")
    return draw.choice(("---\n", "")) + text + draw.choice(("\n", "\n", ""))


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)
def test_random_texts(release):
    """A text that Ruby can read is edited rightly or left alone; a text that it cannot read may be either."""
    draw = random.Random(20261125)
    texts = sorted({random_text(draw) for _number in range(600)})
    requests = [{"text": text, "environment": name} for text in texts for name in ("none", "production")]
    readable = ["error" not in answer for answer in ask(release, requests)]
    sound = [("random", text) for text, *both in zip(texts, readable[::2], readable[1::2]) if all(both)]
    found = [
        (title, text, environment, wanted, plan(text, wanted, environment))
        for title, text in sound
        for environment in (None, "production")
        for wanted in draw.sample(list(WANTED.values()), 2)
    ]
    assert judge(release, found) > 200
    assert set(KEYS) >= {key for case in found for key in case[3].stated}
