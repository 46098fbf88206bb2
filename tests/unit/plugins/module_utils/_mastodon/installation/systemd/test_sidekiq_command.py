# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of ExecStart, read and written anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.sidekiq_command import (
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
