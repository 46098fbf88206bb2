# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs.names import (
    KINDS,
    is_taken,
    parse_name,
    parse_names,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

JID = "7315dc4675986a31ef9294ab"


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_list_stays_empty_and_a_list_of_empty_texts_is_refused(kind):
    assert parse_names(kind, "given", []) == ([], [])
    for empty in ([""], ["", " "], [","], "", " \n"):
        with pytest.raises(BadOption, match="given names nothing"):
            parse_names(kind, "given", empty)


@pytest.mark.parametrize(
    ("kind", "given", "names"),
    [
        ("queues", "push pull,ingress", ["push", "pull", "ingress"]),
        ("queues", ["push", " pull", "", "push"], ["push", "pull"]),
        ("queues", ["push\npull\r\n"], ["push", "pull"]),
        ("queues", "größer sq|host:1|push", ["größer", "sq|host:1|push"]),
        ("classes", "BackupWorker ActivityPub::*,*Worker", ["BackupWorker", "ActivityPub::*", "*Worker"]),
        (
            "classes",
            ["UserMailer#welcome", "*#welcome", "User.delete_all!"],
            ["UserMailer#welcome", "*#welcome", "User.delete_all!"],
        ),
        ("classes", ["::A::B", "[AB]::C?", "?orker", "*"], ["::A::B", "[AB]::C?", "?orker", "*"]),
        ("errors", "HTTP::TimeoutError, Errno::*", ["HTTP::TimeoutError", "Errno::*"]),
        ("jids", f"{JID} 0f8fad5b-d9cb-469f-a165-70867728950e", [JID, "0f8fad5b-d9cb-469f-a165-70867728950e"]),
        ("digests", "uniquejobs:* my-app:1*:RUN", ["uniquejobs:*", "my-app:1*:RUN"]),
        ("identities", ["web.1:4:c98a7640857b host:1:abc"], ["web.1:4:c98a7640857b", "host:1:abc"]),
        ("hostnames", "web-1 web_2.example", ["web-1", "web_2.example"]),
        ("tags", "my app, live\nother", ["my app", "live", "other"]),
        ("accounts", "@someone@Gone.Example other", ["someone@gone.example", "other"]),
        ("usernames", "@alice bob", ["alice", "bob"]),
        ("units", "mastodon-sidekiq*.service sidekiq@push", ["mastodon-sidekiq*.service", "sidekiq@push"]),
        ("files", ".env.production, /etc/my file", [".env.production", "/etc/my file"]),
        ("domains", "gone.example dead.example,\n*.far.example", ["gone.example", "dead.example", "*.far.example"]),
        ("domains", ["GONE.example.", "gone.example"], ["gone.example"]),
        ("domains", ["bücher.example", "*.BÜCHER.example"], ["xn--bcher-kva.example", "*.xn--bcher-kva.example"]),
        (
            "domains",
            ["127.0.0.1", "[2001:DB8::1]", "::1", "localhost"],
            ["127.0.0.1", "2001:db8::1", "::1", "localhost"],
        ),
    ],
)
def test_names_are_split_and_brought_into_their_form(kind, given, names):
    assert parse_names(kind, "given", given) == (names, [])


@pytest.mark.parametrize(
    ("written", "server"),
    [
        ("https://gone.example/inbox?page=1", "gone.example"),
        ("HTTPS://someone:secret@Gone.Example:8443/inbox", "gone.example"),
        ("//gone.example/", "gone.example"),
        ("gone.example/@someone", "gone.example"),
        ("gone.example:8443", "gone.example"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://[2001:db8::1]:443/", "2001:db8::1"),
    ],
)
def test_of_a_url_the_server_is_taken_with_a_warning(written, server):
    names, [warning] = parse_names("domains", "domains", [written])
    assert names == [server]
    assert warning.startswith("domains: ") and server in warning and "secret" not in warning


@pytest.mark.parametrize(
    ("kind", "written", "says"),
    [
        ("domains", "@someone@gone.example", "is an account, not a server.*'gone.example'"),
        ("domains", "someone@gone.example", "is an account"),
        ("domains", "gone*", "no pattern for servers"),
        ("domains", "gone.*", "no pattern for servers"),
        ("domains", "*.*.example", "no pattern for servers"),
        ("domains", "*.", "no name of a server"),
        ("domains", ".gone.example", "no name of a server"),
        ("domains", "gone..example", "no name of a server"),
        ("domains", "-gone.example", "no name of a server"),
        ("domains", "gone!.example", "no name of a server"),
        ("domains", "http://", "names no server"),
        ("domains", "ftp://gone.example", "names no server"),
        ("domains", "gone.example:port", "names no server"),
        ("domains", f"{'a' * 64}.example", "no name of a server"),
        ("domains", ".".join(["a" * 60] * 5), "no name of a server"),
        ("domains", "straße.example", "may mean two servers"),
        ("queues", "pu*", "no name of a queue"),
        ("classes", "backupworker", "no job class"),
        ("classes", "BackupWorker:", "no job class"),
        ("classes", "8390", "no job class"),
        ("errors", "Net::ReadTimeout with message", "'with' is no class of errors.*error_message"),
        ("errors", "HTTP::TimeoutError:", "no class of errors"),
        ("errors", "UserMailer#welcome", "no class of errors"),
        ("jids", "7315dc*", "no id of a job"),
        ("identities", "web-1", "no identity"),
        ("identities", "web-1:4", "no identity"),
        ("hostnames", "web-*", "no name of a host"),
        ("hostnames", "web-1:4:c98a7640857b", "no name of a host"),
        ("accounts", "https://gone.example/@someone", "no account"),
        ("accounts", "someone@", "no account"),
        ("usernames", "someone@gone.example", "no account of this server"),
        ("units", "/etc/systemd/system/x.service", "no unit"),
        ("tags", "a\x1b[31m", "no tag"),
        ("digests", "a\x1bb", "no digest"),
    ],
)
def test_what_can_be_no_such_name_is_refused(kind, written, says):
    with pytest.raises(BadOption, match=f"^given: .*{says}") as refusal:
        parse_names(kind, "given", [written])
    assert "\x1b" not in str(refusal.value)


def test_one_name():
    assert parse_name("queues", "queue", " push ") == "push"
    for several in ("push pull", ""):
        with pytest.raises(BadOption, match="^queue"):
            parse_name("queues", "queue", several)


@pytest.mark.parametrize(
    ("kind", "name", "taken"),
    [
        ("queues", "push", True),
        ("queues", "a b", False),
        ("queues", "a,b", False),
        ("queues", "", False),
        ("identities", "web:1:ab", True),
        ("identities", "web\x1b[2J:1:ab", False),
        ("jids", JID, True),
        ("jids", "'; id", False),
        ("domains", "gone.example", True),
        ("domains", "Gone.example", False),  # as it is: it would become another
        ("domains", "a" * 312, False),
    ],
)
def test_whether_a_name_out_of_redis_is_taken_as_it_is(kind, name, taken):
    assert is_taken(kind, name) is taken
