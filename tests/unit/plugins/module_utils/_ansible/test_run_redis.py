# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a module begins and ends: one result, or one sentence. That it works at all is tested against a real Redis."""

from __future__ import annotations

import gc
import json

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import SidekiqError
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys

URL = "redis://:s3cret@127.0.0.1:1/3"


@pytest.fixture(autouse=True)
def no_lasting_effect():
    """A module may leave its process as it likes, a test may not."""
    yield
    gc.enable()


@pytest.fixture
def connected(monkeypatch):
    """Whatever is asked for is connected to."""
    monkeypatch.setattr(run_redis, "connect", lambda settings: settings)


@pytest.fixture
def run(capsys):
    """Runs a body as a module and returns what the module said, and its exit status."""

    def run_module(body, options, spec=None, **constraints):
        with patch_module_args(options), pytest.raises(SystemExit) as end:
            run_redis.run(spec or {}, body, **constraints)
        return json.loads(capsys.readouterr().out), end.value.code

    return run_module


def test_a_session_has_what_the_options_say(connected, run):
    seen = []

    def body(session):
        seen.append(session)
        return {"changed": True, "answer": session.options["answer"]}

    options = {"redis_url": URL, "key_prefix": "mastodon", "answer": 42, "_ansible_check_mode": True}
    said, status = run(body, options, {"answer": {"type": "int"}})
    (session,) = seen
    assert (status, said["changed"], said["answer"]) == (0, True, 42)
    assert (session.check_mode, session.key, session.client.db) == (True, Keys("mastodon:"), 3)
    assert "127.0.0.1:1" in session.server and "s3cret" not in session.server


def test_a_failure_is_its_sentence(connected, run):
    def body(session):
        session.progress["edited"] = 3
        raise SidekiqError("Mend this.")

    said, status = run(body, {"redis_url": URL})
    assert (status, said["failed"], said["msg"], said["edited"]) == (1, True, "Mend this.", 3)
    assert "exception" not in said


def test_warnings_are_told(connected, run, monkeypatch):
    told = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: told.append(text))
    said, _status = run(lambda session: {"changed": False, "warnings": ["Mind this."]}, {"redis_url": URL})
    assert told == ["Mind this."]
    assert "warnings" not in said


def test_a_password_never_shows_up(connected, run):
    said, _status = run(lambda session: {"changed": False, "leak": "it is s3cret"}, {"redis_url": URL})
    assert "s3cret" not in json.dumps(said)


def test_a_redis_that_is_not_there_is_a_sentence(run):
    def never(session):
        raise AssertionError("there is no Redis")

    said, status = run(never, {"redis_socket": "/nonexistent/redis.sock"})
    assert (status, said["failed"]) == (1, True)
    assert "/nonexistent/redis.sock" in said["msg"]
    assert "Traceback" not in json.dumps(said)


def test_constraints_are_those_of_ansible(run):
    spec = {"a": {"type": "str"}, "b": {"type": "str"}}
    said, status = run(lambda session: {}, {"redis_url": URL}, spec, required_one_of=[("a", "b")])
    assert status == 1
    assert "one of the following is required: a, b" in said["msg"]
