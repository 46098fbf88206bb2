# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of ExecStart, read and written anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.sidekiq_command import (
    Options,
    env_variables,
    evaluate,
    expand_specifiers,
    parse_command,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

BUNDLE = "/home/mastodon/.rbenv/shims/bundle exec sidekiq"


@pytest.mark.parametrize(
    ("line", "concurrency", "timeout", "queues", "rest"),
    [
        (f"{BUNDLE} -c 25", "25", None, (), ()),
        (f"{BUNDLE}", None, None, (), ()),
        (f"{BUNDLE} -c25 -t 40 -q default,8 -q pull", "25", "40", ("default,8", "pull"), ()),
        (f"{BUNDLE} --concurrency=10 --timeout 30 --queue=push", "10", "30", ("push",), ()),
        (
            "/usr/bin/sidekiq -r ./worker.rb -c 5 -e production",
            "5",
            None,
            (),
            ("-r", "./worker.rb", "-e", "production"),
        ),
        ("-/usr/bin/sidekiq -v -C config/sidekiq.yml", None, None, (), ("-v", "-C", "config/sidekiq.yml")),
        (f'{BUNDLE} -c "${{THREADS}}" -g "my tag"', "${THREADS}", None, (), ("-g", '"my tag"')),
        (f"{BUNDLE} -c 5 -c 9", "9", None, (), ()),
        (f"{BUNDLE} -q 'pull'", None, None, ("pull",), ()),
    ],
)
def test_read(line, concurrency, timeout, queues, rest):
    command = parse_command(line)
    assert (command.concurrency, command.timeout, command.queues, command.rest) == (concurrency, timeout, queues, rest)


@pytest.mark.parametrize(
    "line",
    ["/bin/bash -lc 'exec bundle exec sidekiq -c 25'", "/usr/local/bin/run-sidekiq", f"{BUNDLE} -c 5 ; /bin/true", ""],
)
def test_what_cannot_be_edited_is_refused(line):
    with pytest.raises(BadOption, match="shell or a script"):
        parse_command(line)


def test_written_anew_only_ours_changes():
    command = parse_command(f'{BUNDLE} -c 25 -g "my tag" -q default -v')
    changed = replace(command, concurrency="10", timeout="30", queues=("pull", "push,2"))
    assert changed.text() == f'{BUNDLE} -g "my tag" -v -c 10 -t 30 -q pull -q push,2'


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (f"{BUNDLE} -c ${{DB_POOL}}", Options(concurrency=40)),
        (f"{BUNDLE} -c $DB_POOL $QUEUES", Options(concurrency=40, queues=(("push", None), ("pull", 2)))),
        (f'{BUNDLE} -c "${{DB_POOL}}" -t ${{WAIT}}0', Options(concurrency=40, timeout=30)),
        (f"{BUNDLE} -q default,8 -q pull", Options(queues=(("default", 8), ("pull", None)))),
        ("/nix/store/abc-mastodon-4.5.1/bin/sidekiq -q push -c 5 -r /nix/store/abc-mastodon-4.5.1",
         Options(5, None, (("push", None),), None, "/nix/store/abc-mastodon-4.5.1")),
        (f"{BUNDLE} -C config/all.yml", Options(config="config/all.yml")),
        ("/var/www/mastodon/live/bin/bundle exec sidekiq -c 25", Options(concurrency=25)),
        ("/usr/bin/env DB_POOL=9 RAILS_ENV=production bundle exec sidekiq -c 9",
         Options(concurrency=9, variables={"DB_POOL": "9", "RAILS_ENV": "production"})),
        ("/usr/bin/nice -n 5 /home/mastodon/.rbenv/shims/bundle exec sidekiq -c 5", Options(concurrency=5)),
    ],
)  # fmt: skip
def test_what_sidekiq_gets(line, wanted):
    found = evaluate(line, {"DB_POOL": "40", "QUEUES": "-q push -q pull,2", "WAIT": "3"})
    assert replace(found, variables=found.variables or None) == wanted


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/bin/bash -lc 'exec bundle exec sidekiq -c 25'", "shell or a script"),
        ("/bin/sh -c exec bundle exec sidekiq -c 25", "shell or a script"),  # as systemctl shows it, without quotes
        ("/usr/bin/sudo -u mastodon bundle exec sidekiq", "shell or a script"),
        ("/home/mastodon/start-sidekiq.sh", "shell or a script"),
        (f"{BUNDLE} -c ${{NOTHING}}", "no number"),
        (f"{BUNDLE} -c %H", "only systemd"),
        ("/usr/bin/env -i bundle exec sidekiq", "env with -i"),
    ],
)
def test_what_nobody_can_know_is_refused(line, said):
    with pytest.raises(BadOption, match=said):
        evaluate(line, {})


def test_a_colon_keeps_variables_as_they_are():
    with pytest.raises(BadOption, match="no number"):
        evaluate(":/usr/bin/sidekiq -c ${DB_POOL}", {"DB_POOL": "5"})


def test_env_only_where_it_starts_the_command():
    assert env_variables(["/usr/bin/bundle", "A=1"]) == {}
    assert env_variables(["-/usr/bin/env", "A=1", "B=", "bundle"]) == {"A": "1", "B": ""}


@pytest.mark.parametrize(
    ("unit", "text", "wanted"),
    [
        ("mastodon-sidekiq@push.service", "-q %i", "-q push"),
        ("mastodon-sidekiq-default@25.service", "-c %i -q default %%", "-c 25 -q default %"),
        ("a-b@x-y.service", "%p %P %I %N %n %j %H", "a-b a/b x/y a-b@x-y a-b@x-y.service b %H"),
    ],
)
def test_specifiers_of_instances(unit, text, wanted):
    assert expand_specifiers(text, unit) == wanted
