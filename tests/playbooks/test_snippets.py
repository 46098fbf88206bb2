# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks that the pages show, run as an admin would: in check mode, for real, and once more."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import re
from collections.abc import Callable

import pytest
import yaml

from ansible_collections.fediverse.mastodon.tests.instance import heartbeat, server, situations
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SCALE = 0.02
FREES_LOCKS = "Free orphaned locks"


def snippets():
    """Playbooks by the name of their play."""
    found = {}
    for page in PAGES:
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            value = yaml.safe_load(block)
            if isinstance(value, list) and all(isinstance(play, dict) and "hosts" in play for play in value):
                assert value[0]["name"] not in found, "each has a name of its own"
                found[value[0]["name"]] = block
    return found


SNIPPETS = snippets()


ON_HOSTS = {
    "Change sidekiq.yml",
    "Change the section development of sidekiq.yml",
    "Room for archives",
    "Look after Sidekiq",
    "The Redis of Sidekiq",
}
"""Plays that need a host of their own: their roles and modules are run in extensions/molecule and tests/conformance."""


def of_class(member, name):
    return json.loads(member)["class"] == name


def queued(client, name, test=lambda _member: True):
    return sum(map(test, client.lrange(f"queue:{name}", 0, -1)))


def waiting(client, name, test=lambda _member: True):
    return sum(map(test, client.zrange(name, 0, -1)))


def for_domain(domain):
    return lambda member: f'https://{domain}/inbox"'.encode() in member


def low_priority(client, queue):
    return queued(client, queue, lambda member: of_class(member, "ActivityPub::LowPriorityDeliveryWorker"))


def gone(client):
    test = for_domain("gone.example")
    return queued(client, "push", test), waiting(client, "retry", test), waiting(client, "dead", test)


def is_export(member):
    return of_class(member, "BackupWorker")


def exports(client, name="retry"):
    return waiting(client, name, is_export)


def due(client, test, seconds):
    """How many of the retries are due within some seconds, and how many later."""
    end = client.time()[0] + seconds
    scores = [score for member, score in client.zrange("retry", 0, -1, withscores=True) if test(member)]
    return sum(score <= end for score in scores), sum(score > end for score in scores)


@dataclasses.dataclass(frozen=True)
class Case:
    """What a snippet does: figures of an instance in trouble, before and after."""

    figures: Callable = lambda _client: None
    before: object = None
    after: object = None
    changes: int = 1
    """How many of its tasks change something."""
    edit: str = ""
    """The snippet that is run before, and makes the archive."""


CASES = {
    "See what is in push": Case(changes=0),
    "Which jobs wait for retry": Case(changes=0),
    "All about Sidekiq": Case(changes=0),
    # in tens: every 40 s another job becomes older than the hour that it asks for
    "Delete the jobs of a class": Case(lambda client: -(-low_priority(client, "pull") // 10), 41, 9),
    "Delete the jobs for a server that is gone": Case(gone, (80, 60, 0), (0, 0, 0)),
    "Delete duplicates": Case(exports, 4, 2),
    "Retry now what failed for a server that is back": Case(
        lambda client: due(client, for_domain("art.example"), 600), (1, 7), (8, 0)
    ),
    "Retry now what failed with an error": Case(
        lambda client: (exports(client), client.llen("queue:pull")), (4, 412), (3, 413)
    ),
    "Run dead jobs again": Case(lambda client: client.zcard("dead"), 5, 0),
    "Kill jobs": Case(lambda client: gone(client)[1:], (60, 0), (29, 31)),
    "Move a flood to a queue of its own": Case(
        lambda client: (low_priority(client, "pull"), low_priority(client, "slow")), (408, 0), (0, 408)
    ),
    "Give an export more time": Case(lambda client: due(client, is_export, 7000), (4, 0), (0, 4)),
    FREES_LOCKS: Case(lambda client: client.zcard("uniquejobs:digests"), 17, 16),
    "Empty a queue": Case(lambda client: client.llen("queue:ingress"), 240, 0),
    "Pick jobs by anything else": Case(lambda client: (exports(client), exports(client, "dead")), (4, 0), (1, 3)),
    "Undo an edit": Case(gone, (0, 0, 0), (80, 60, 0), edit="Delete the jobs for a server that is gone"),
    "Undo a part": Case(
        lambda client: (
            client.llen("queue:ingress"),
            queued(client, "ingress", lambda member: b"//art.example/" in member),
        ),
        (0, 0),
        (44, 44),
        edit="Empty a queue",
    ),
    "Repair": Case(lambda client: (*gone(client), exports(client)), (80, 60, 0, 4), (0, 0, 0, 2), changes=2),
}


@pytest.fixture
def instance():
    """A client of an instance in trouble, and its URL."""
    with (
        server.running("--save", "") as running,
        contextlib.closing(running.client()) as client,
        heartbeat.kept_alive(client, situations.trouble(client, scale=SCALE)),
    ):
        yield client, running.url


@pytest.fixture
def play(tmp_path, ansible_playbook, instance):
    """Runs snippets as one playbook; returns how many tasks of each changed something, and all that was printed."""
    _client, url = instance
    inventory = {"mastodon": {"hosts": {"mastodon.example": {"ansible_connection": "local", "ansible_become": False}}}}

    def run(*names, arguments=(), archive=""):
        (tmp_path / "hosts.yml").write_text(json.dumps(inventory), encoding="utf-8")
        (tmp_path / "snippets.yml").write_text("".join(SNIPPETS[name] for name in names), encoding="utf-8")
        given = ["-e", f"archive={archive}", *arguments]
        never = ["WARNING", "/inbox"]
        done = ansible_playbook("snippets.yml", "-i", "hosts.yml", *given, never=never, FEDIVERSE_REDIS_URL=url)
        assert done.status == 0, done.text
        plays = re.split(r"^PLAY (?!RECAP)", done.text, flags=re.MULTILINE)[1:]
        return [len(re.findall(r"^changed: ", text, re.MULTILINE)) for text in plays], done.text

    return run


def everything(client):
    """All that a server holds, but for the moments of heartbeats; of what expires only that it does."""
    return {
        key: (entry["type"], entry["ttl_ms"] is None, heartbeat.timeless(entry["value"]))
        for key, entry in load_vector.dump(client).items()
    }


def archives(tmp_path):
    """Those that were made, the oldest first."""
    found = (tmp_path / "user" / ".local" / "state" / "fediverse.mastodon" / "archives").glob("*.jsonl.gz")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def jobs(dump):
    """Of all that a server holds the queues and sets."""
    return {
        key: value for key, value in dump.items() if key.startswith("queue:") or key in ("retry", "schedule", "dead")
    }


def test_there_is_a_case_for_every_snippet():
    assert set(CASES) | ON_HOSTS == set(SNIPPETS)
    assert not set(CASES) & ON_HOSTS


def test_all_snippets_in_check_mode(play, instance):
    """Each release of ansible-core reads all of them, and finds the options, filters and conditions that they use."""
    client, _url = instance
    before = everything(client)
    play(*SNIPPETS, arguments=["--syntax-check"])
    names = [name for name, case in CASES.items() if not case.edit]
    announced, output = play(*names, arguments=["--check", "--diff"])
    assert announced == [CASES[name].changes for name in names]
    with_diff = [name for name, case in CASES.items() if case.changes and not case.edit and name != FREES_LOCKS]
    assert output.count("+++ after") >= len(with_diff)
    assert everything(client) == before


@pytest.mark.one_core
@pytest.mark.parametrize("name", CASES)
def test_a_snippet_does_what_its_name_says(name, play, instance, tmp_path):
    client, _url = instance
    case, archive = CASES[name], ""
    if case.edit:
        play(case.edit)
        [archive] = archives(tmp_path)
    before = everything(client)
    assert case.figures(client) == case.before
    if case.edit:  # test_all_snippets_in_check_mode has no archive
        [announced], _output = play(name, arguments=["--check", "--diff"], archive=archive)
        assert announced == case.changes
        assert everything(client) == before, "check mode touches nothing"
    [changed, again], _output = play(name, name, archive=archive)
    assert case.figures(client) == case.after
    assert (changed, again) == (case.changes, 0), "a second run changes nothing"
    assert bool(changed) == (everything(client) != before)
    if not case.changes or case.edit or name == FREES_LOCKS:
        return
    assert archives(tmp_path), "what was taken out is kept"
    for archive in reversed(archives(tmp_path)):
        play("Undo an edit", archive=archive)
    assert jobs(everything(client)) == jobs(before)
