# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that runbooks print, pasted into a shell: they do what they promise, wherever they are pasted, and show no secret."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import server
from ansible_collections.fediverse.mastodon.tests.playbooks.commands import printed

CACHE = pathlib.Path(__file__).resolve().parents[2] / ".cache"
PASSWORD = "s3cret-of-redis"
GONE = "gone.example"
JOBS = 20


def enqueue(client):
    client.sadd("queues", "push")
    for number in range(JOBS):
        job = {"class": "ActivityPub::DeliveryWorker", "args": ["{}", 1, f"https://{GONE}/inbox"], "queue": "push"}
        client.lpush("queue:push", json.dumps({**job, "jid": f"{number:024x}"}))


@pytest.fixture
def instance():
    """A Redis with a password and jobs for a server that is gone."""
    with server.running(binary="redis-server") as running, running.client() as client:
        enqueue(client)
        client.config_set("requirepass", PASSWORD)
        yield running.url.replace("://", f"://:{PASSWORD}@"), client


@pytest.fixture
def lasting():
    """A folder that is not for temporary files, as those of a test are."""
    checkout = pathlib.Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory(dir=pathlib.Path.home() if checkout.is_relative_to("/tmp") else CACHE) as path:
        yield pathlib.Path(path)


@pytest.fixture
def paste(tmp_path):
    """Runs what was printed in another directory, in a shell."""

    def run(command, play):
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        script = tmp_path / "ansible-playbook"
        script.write_text('#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done\n', encoding="utf-8")
        script.chmod(0o755)
        env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        words = subprocess.run(
            ["bash", "-c", command], env=env, cwd=tmp_path / "elsewhere", check=True, stdout=subprocess.PIPE
        ).stdout
        assert not list((tmp_path / "elsewhere").iterdir()), "the shell ran something else"
        return play(*os.fsdecode(words).split("\0")[:-1])

    return run


def rescue(ansible_playbook, *arguments, reason=True, **variables):
    wanted = {"federation_rescue_actions": "quarantine", "federation_rescue_domains": GONE, **variables}
    if reason:
        wanted["federation_rescue_reason"] = 'it\'s "gone" $(touch pwned) {{ 1 + 1 }}'
    return ansible_playbook("fediverse.mastodon.federation_rescue", *arguments, variables=wanted)


def test_all_that_the_run_was_given_is_in_the_command(instance, lasting, tmp_path, ansible_playbook, paste):
    url, client = instance
    before = client.lrange("queue:push", 0, -1)
    folder = lasting / "in ven'tory $(touch pwned)\n\x1b[31m"
    folder.mkdir()
    (folder / "hosts").write_text("[masto]\nsocial.example\nother.example\n", encoding="utf-8")
    (lasting / "more").write_text("third.example\n", encoding="utf-8")
    secrets = lasting / "secrets $(x).yml"
    secrets.write_text(f"redis_url: '{url}'\n", encoding="utf-8")
    vault = lasting / "vault pass"
    vault.write_text("open sesame\n", encoding="utf-8")
    vault_tool = pathlib.Path(os.environ.get("VIRTUAL_ENV") or pathlib.Path(os.sys.executable).parents[1])
    subprocess.run(
        [vault_tool / "bin/ansible-vault", "encrypt", "--vault-id", f"main@{vault}", secrets],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    key = lasting / "id $(x)"
    key.touch(0o600)
    flags = [
        "-i",
        str(folder / "hosts"),
        "-i",
        str(lasting / "more"),
        "-l",
        "social.example:!third.example",
        "-c",
        "local",
    ]
    flags += ["-u", "some one", "--private-key", str(key), "--vault-id", f"main@{vault}", "-e", f"@{secrets}"]
    flags += ["-e", '{"sidekiq_options": {"redis_timeout": 9.5}}']
    status, text = rescue(ansible_playbook, *flags, "--check", "--diff", reason=False)
    assert status == 0, text
    [for_real] = printed(text)
    assert client.llen("queue:push") == JOBS

    status, text = paste(for_real.replace("REASON", "because"), ansible_playbook)
    assert status == 0, text
    assert client.llen("queue:push") == 0, text
    undo = printed(text)[-1]
    for words in (
        "-l 'social.example:!third.example'",
        "-c local",
        "-u 'some one'",
        '{"sidekiq_options": ',
        "--vault-id 'main@",
    ):
        assert words in undo, undo
    assert "\x1b" not in undo and "federation_rescue" not in undo.replace("-federation_rescue-", "")

    status, text = paste(undo, ansible_playbook)
    assert status == 0, text
    assert client.lrange("queue:push", 0, -1) == before


def test_secrets_that_were_typed_are_not_printed(instance, lasting, ansible_playbook, paste):
    url, client = instance
    flags = ["-i", "social.example,", "-c", "local"]
    status, text = rescue(ansible_playbook, *flags, redis_url=url)
    assert status == 0, text
    undo = printed(text)[-1]
    assert PASSWORD not in text
    assert "redis_url holds a secret, so the command does not show it: give it again with -e." in text
    status, text = paste(f"{undo} -e redis_url='{url}'", ansible_playbook)
    assert status == 0, text
    assert client.llen("queue:push") == JOBS


@pytest.mark.parametrize("where", ["tmp", "runner"])
def test_an_inventory_that_will_be_gone_is_left_out(instance, where, lasting, tmp_path, ansible_playbook):
    url, _client = instance
    folder = tmp_path if where == "tmp" else lasting
    (folder / "hosts").write_text("social.example\n", encoding="utf-8")
    (folder / "vars.yml").write_text(f"redis_url: '{url}'\n", encoding="utf-8")
    environment = {"AWX_PRIVATE_DATA_DIR": str(lasting)} if where == "runner" else {}
    variables = {
        "federation_rescue_actions": "quarantine",
        "federation_rescue_domains": GONE,
        "federation_rescue_reason": "x",
    }
    flags = ["-i", str(folder / "hosts"), "-c", "local", "-e", f"@{folder / 'vars.yml'}"]
    status, text = ansible_playbook("fediverse.mastodon.federation_rescue", *flags, variables=variables, **environment)
    assert status == 0, text
    assert str(folder) not in printed(text)[-1]
    assert f"The inventory {folder / 'hosts'} is in a folder for temporary files or of this job alone." in text
    assert f"The file {folder / 'vars.yml'} is in a folder for temporary files" in text
    assert re.search(r"add -i with your inventory", text)
