# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess

import pytest
from ansible import context
from ansible.utils.context_objects import CLIArgs

from ansible_collections.fediverse.mastodon.plugins.plugin_utils import commands

RUN = {"run": "r-1"}
WANTED = frozenset({"redis_url", "sidekiq_options"})


@pytest.fixture
def given(monkeypatch):
    """Sets the command line of the run."""
    monkeypatch.delenv("AWX_PRIVATE_DATA_DIR", raising=False)
    monkeypatch.delenv("AWX_ISOLATED_DATA_DIR", raising=False)

    def give(**options):
        monkeypatch.setattr(context, "CLIARGS", CLIArgs(options))

    return give


def undo():
    return commands.playbook("undo.yml", RUN, WANTED.__contains__)


def words(command):
    """What a shell makes of a command."""
    script = command.replace("ansible-playbook", "printf '%s\\0'", 1)
    return subprocess.run(["bash", "-c", script], check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")[:-1]


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, []),
        ({"inventory": ["/a b/hosts", "x,y"]}, ["-i", "/a b/hosts", "-i", "x,y"]),
        ({"subset": "a:!b"}, ["-l", "a:!b"]),
        ({"subset": "@/x/failed"}, ["-l", "@/x/failed"]),
        ({"connection": "local", "remote_user": "me", "timeout": 7}, ["-c", "local", "-u", "me", "-T", "7"]),
        ({"connection": "ssh", "become_method": "sudo", "become": False}, []),
        (
            {"become": True, "become_user": "masto", "become_ask_pass": True, "ask_pass": True},
            ["--become-user", "masto", "-b", "-K", "-k"],
        ),
        (
            {"private_key_file": "/k/id", "become_password_file": "/k/b", "connection_password_file": "/k/c"},
            ["--private-key", "/k/id", "--become-password-file", "/k/b", "--connection-password-file", "/k/c"],
        ),
        (
            {"vault_ids": ["dev@prompt", "x@/etc/hostname"], "ask_vault_pass": True, "vault_password_files": ["/v/p"]},
            ["-J", "--vault-password-file", "/v/p", "--vault-id", "dev@prompt", "--vault-id", "x@/etc/hostname"],
        ),
        ({"extra_vars": ["@/v/x y.yml", "other=1"]}, ["-e", "@/v/x y.yml"]),
        ({"extra_vars": ["redis_url=redis://h:1/2 other=1"]}, ["-e", "redis_url=redis://h:1/2"]),
        ({"extra_vars": ["run=x"]}, []),
        (
            {"extra_vars": ['{"sidekiq_options": {"redis_timeout": 3}}']},
            ["-e", '{"sidekiq_options": {"redis_timeout": 3}}'],
        ),
        ({"extra_vars": ["redis_url='{{ from_vault }}'"]}, ["-e", '{"redis_url": "{{ from_vault }}"}']),
        ({"extra_vars": ["redis_url=$(x)"]}, ["-e", '{"redis_url": "$(x)"}']),
    ],
)
def test_what_the_run_was_given(given, options, arguments):
    given(**options)
    assert words(undo()) == [*arguments, "undo.yml", "-e", "run=r-1"]


@pytest.mark.parametrize(
    "typed",
    [
        "redis_url=redis://:s3cret@h",
        "redis_url=redis://s3cret@h",
        '{"sidekiq_options": {"redis_password": "s3cret"}}',
        '{"sidekiq_options": {"redis_url": "redis://:s3cret@h"}}',
        'sidekiq_options=\'{"redis_password": "s3cret"}\'',
        '{"sidekiq_options": [{"token": "s3cret"}]}',
    ],
)
def test_no_secret_is_shown_and_a_note_says_what_to_give_again(given, typed):
    given(extra_vars=[typed])
    command, note = undo().split("\n")
    assert "s3cret" not in command + note
    assert note.endswith("holds a secret, so the command does not show it: give it again with -e.")


@pytest.mark.parametrize("path", ["/tmp/x", "/runner/inventory/hosts", "/var/tmp/a/b", "/job/inventory"])
def test_what_will_be_gone_is_left_out_with_a_word(given, monkeypatch, path):
    given(inventory=[path], private_key_file=path, extra_vars=[f"@{path}"], vault_password_files=[path])
    monkeypatch.setenv("AWX_PRIVATE_DATA_DIR", "/job")
    command, *notes = undo().split("\n")
    assert path not in command
    assert [path in note for note in notes] == [True] * 4


@pytest.mark.parametrize("word", ["a", "a b", "it's", "$(x)`y`", "a\nb", "\x1b[31m'\\", "\udcff", "\u202e", "é"])
def test_a_word_is_one_line_that_a_terminal_shows_and_a_shell_reads(word):
    quoted = commands.quoted(word)
    assert quoted.isprintable()
    done = subprocess.run(["bash", "-c", f"printf %s {quoted}"], check=True, stdout=subprocess.PIPE).stdout
    assert done == word.encode("utf-8", "surrogateescape")


def test_a_long_command_goes_on_after_a_backslash(given):
    given(inventory=["/" + "x" * 60], subset="y" * 60)
    assert undo().count(" \\\n  ") == 4
    assert words(undo()) == ["-i", "/" + "x" * 60, "-l", "y" * 60, "undo.yml", "-e", "run=r-1"]


def test_what_strangers_wrote_is_never_a_template(given):
    given()
    command = commands.playbook("undo.yml", {"domains": "{{ lookup('pipe', 'id') }}"}, WANTED.__contains__)
    assert words(command)[-1] == "{\"domains\": !unsafe \"{{ lookup('pipe', 'id') }}\"}"


def test_the_same_playbook_again(given):
    given(args=["fediverse.mastodon.x"], check=True, tags=["all"], skip_tags=["s"], extra_vars=["a=1 b=2"])
    assert commands.again({"b": "3"}, check=False) == (
        "ansible-playbook -e a=1 fediverse.mastodon.x -e b=3 --skip-tags=s"
    )
    assert commands.again({}, check=True).endswith("--skip-tags=s --check --diff")
