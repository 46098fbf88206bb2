# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name that can match nothing by its form is an error in every module, never "nothing to do"; lists may be given as texts."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.fediverse.mastodon.tests.redis import modules

JID = "7315dc4675986a31ef9294ab"
FIELDS = {"jid": JID, "queue": "push", "error_class": "HTTP::TimeoutError", "tags": ["my tag"], "retry_count": 1}


def delivery(server):
    """A delivery that failed, for a server as the URL in the job has it."""
    url = f"https://{server}/inbox"
    return json.dumps({"class": "ActivityPub::DeliveryWorker", "args": ["{}", 1, url], **FIELDS}, ensure_ascii=False)


@pytest.fixture
def run(scratch_redis):
    """Runs a module against a Redis with one delivery in the retry set."""
    scratch_redis.zadd("retry", {delivery("gone.example"): 1.5})
    path = scratch_redis.connection_pool.connection_kwargs["path"]
    return lambda name, check_mode=False, **options: modules.run(name, check_mode, redis_socket=path, **options)


@pytest.mark.parametrize(
    ("option", "written"),
    [
        ("domains", "far.example gone.example"),
        ("domains", "far.example,\n gone.example\n"),
        ("domains", "https://GONE.example:443/inbox"),
        ("classes", "BackupWorker, ActivityPub::*"),
        ("queues", "pull push"),
        ("jids", f"0123456789abcdef01234567 {JID}"),
        ("errors", "Errno::ENOSPC HTTP::*"),
        ("tags", "other, my tag"),
    ],
)
def test_a_list_given_as_a_text_means_each_of_its_names(option, written, run, scratch_redis, tmp_path):
    assert run("sidekiq_job_info", **{option: written})["total"] == 1
    edit = {"state": "absent", "all": True, "archive_dir": str(tmp_path), option: written}
    foreseen, done = run("sidekiq_job", True, **edit), run("sidekiq_job", **edit)
    assert (foreseen["edited"], done["edited"]) == (1, 1)
    assert run("sidekiq_archive", path=done["archive"], **{option: written})["restored"] == 1


SELECTING = {"sidekiq_job_info": {}, "sidekiq_job": {"state": "absent"}, "sidekiq_archive": {"path": "/nowhere"}}
WRONG = {
    "domains": ["gone*", "someone@gone.example", "gone example!", ""],
    "classes": ["backupworker", "delete everything"],
    "queues": ["pu*", " "],
    "jids": ["7315*"],
    "errors": ["Net::ReadTimeout: after 5 s"],
    "tags": [""],
}


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(("option", "written"), [(name, one) for name, ones in WRONG.items() for one in ones])
def test_what_can_be_no_such_name_is_an_error(option, written, check_mode, run, scratch_redis):
    for module, options in SELECTING.items():
        result = run(module, check_mode, **options, **{option: [written]})
        assert result.get("failed") and result["msg"].startswith(option), (module, result)
    if option in ("domains", "classes", "queues", "jids"):
        result = run("sidekiq_process", check_mode, state="quiet", wait=False, running={option: [written]})
        assert result.get("failed") and result["msg"].startswith(f"running.{option}"), result
    assert scratch_redis.zcard("retry") == 1


@pytest.mark.parametrize(
    ("module", "options", "says"),
    [
        ("sidekiq_process", {"state": "quiet", "identities": ["web-1"]}, "identities: 'web-1' is no identity"),
        ("sidekiq_process", {"state": "absent", "identities": ["web-1"]}, "identities: 'web-1' is no identity"),
        ("sidekiq_process", {"state": "quiet", "hostnames": ["web-*"]}, "hostnames: 'web-[*]' is no name of a host"),
        ("sidekiq_process", {"state": "quiet", "queues": ["pu?l"]}, "queues: 'pu[?]l' is no name of a queue"),
        ("sidekiq_process", {"state": "quiet", "tags": [""]}, "tags names nothing"),
        ("sidekiq_lock", {"digests": [""]}, "digests names nothing"),
        ("sidekiq_lock", {"force": True, "digests": ["**"]}, "force frees locks of living jobs"),
        ("sidekiq_lock", {"force": True, "digests": "x,*"}, "force frees locks of living jobs"),
        ("sidekiq_lock", {"force": True, "digests": ["uniquejobs:*"]}, "force frees locks of living jobs"),
        ("sidekiq_probe", {"queues": ["pu*"]}, "queues: 'pu[*]' is no name of a queue"),
        (
            "sidekiq_health_info",
            {"long_running_classes": ["backup worker"]},
            "long_running_classes: 'backup' is no job class",
        ),
        (
            "sidekiq_wait",
            {"until": [{"gone": "web-1"}], "timeout": "0s"},
            "until, entry 1: gone: 'web-1' is no identity",
        ),
        (
            "export_info",
            {"accounts": ["alice@far.example"]},
            "accounts: 'alice@far.example' is no account of this server",
        ),
    ],
)
def test_the_other_modules_refuse_them_too(module, options, says, run):
    result = run(module, **options)
    assert result.get("failed")
    assert re.search(says, result["msg"]), result["msg"]


@pytest.mark.parametrize(
    "written", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "https://bücher.example/"]
)
@pytest.mark.parametrize(
    "stored", ["bücher.example", "BÜCHER.Example", "xn--bcher-kva.example", "xn--bcher-kva.example:443"]
)
def test_a_server_is_the_same_in_letters_and_in_the_dns(stored, written, run, scratch_redis):
    scratch_redis.lpush("queue:push", delivery(stored))
    scratch_redis.sadd("queues", "push")
    found = run("sidekiq_job_info", domains=[written])
    assert found["by_domain"] == {"xn--bcher-kva.example": 1}
