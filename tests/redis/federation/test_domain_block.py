# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""domain_block as Ansible runs it, against a stand-in for Mastodon's admin API: what it asks for, and what it never does."""

from __future__ import annotations

import contextlib
import copy
import http.server
import json
import socket
import subprocess
import threading
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import admin_api as api_of_module
from ansible_collections.fediverse.mastodon.tests.lab import admin_api
from ansible_collections.fediverse.mastodon.tests.redis import modules

TOKEN = modules.SECRET
GONE = {"domain": "gone.example", "severity": "silence"}


@pytest.fixture
def server():
    return admin_api.Server(TOKEN)


@pytest.fixture
def block(server):
    """Runs the module; the server may not change in check mode, and the results of both must agree."""
    with admin_api.running(server) as url:

        def run(**options):
            options = {"api_url": url, "token": TOKEN, "use_proxy": False, **options}
            before = copy.deepcopy(server.blocks)
            checked = modules.run("domain_block", check_mode=True, **options)
            assert server.blocks == before and {method for method, *_rest in server.requests} <= {"GET"}
            done = modules.run("domain_block", **options)
            server.requests.clear()
            assert checked.keys() == done.keys() and checked.get("changed") == done.get("changed")
            assert checked.get("diff") == done.get("diff") and checked.get("msg") == done.get("msg")
            return done

        yield run


def test_a_server_is_blocked_once(block, server):
    result = block(**GONE, reject_media=True, private_comment="ticket 42")
    assert result["changed"] and result["was"] is None
    assert result["block"]["severity"] == "silence" and result["block"]["id"] == "1"
    assert result["diff"]["before"] == {} and result["diff"]["after"]["reject_media"] is True
    assert [(one["domain"], one["severity"], one["private_comment"]) for one in server.blocks] == [
        ("gone.example", "silence", "ticket 42")
    ]
    again = block(**GONE)
    assert not again["changed"] and again["was"] == again["block"] == result["block"]
    assert len(server.blocks) == 1


def test_only_what_is_given_is_sent(block, server):
    block(domain="Gone.Example.", severity="noop", reject_media=True)
    assert server.blocks[0]["domain"] == "gone.example"
    assert {name: server.blocks[0][name] for name in admin_api.NEW} == {
        **admin_api.NEW,
        "severity": "noop",
        "reject_media": True,
    }


def test_another_severity_is_an_error_unless_it_shall_be_changed(block, server):
    server.add("gone.example", severity="silence", public_comment="noisy")
    result = block(**{**GONE, "severity": "suspend"})
    assert result["failed"]
    assert "gone.example is blocked already: severity is 'silence', not 'suspend'. update: true" in result["msg"]
    assert server.blocks[0]["severity"] == "silence"

    result = block(**{**GONE, "severity": "suspend"}, update=True)
    assert result["changed"] and result["was"]["severity"] == "silence" and result["block"]["severity"] == "suspend"
    assert server.blocks[0]["severity"] == "suspend" and server.blocks[0]["public_comment"] == "noisy"
    assert not block(**{**GONE, "severity": "suspend"}, update=True)["changed"]


def test_it_is_found_on_the_last_page(block, server):
    server.add("gone.example", severity="silence")
    for number in range(2 * admin_api.LARGEST_PAGE):
        server.add(f"n{number}.example")
    assert not block(**GONE)["changed"]


def test_taken_away(block, server):
    server.add("gone.example", severity="silence")
    result = block(domain="gone.example", state="absent", severity="suspend")
    assert result["failed"] and "blocked with severity 'silence', not 'suspend'" in result["msg"] and server.blocks
    result = block(domain="gone.example", state="absent")
    assert result["changed"] and result["block"] is None and result["was"]["severity"] == "silence"
    assert server.blocks == []
    assert not block(domain="gone.example", state="absent", severity="suspend")["changed"]


def test_below_a_block_that_is_not_stricter(block, server):
    server.add("example", severity="silence", reject_media=True)
    assert block(domain="a.gone.example", severity="suspend")["changed"]
    assert block(domain="b.gone.example", severity="silence", reject_media=True)["changed"]
    assert "covered by the block of example" in block(domain="c.gone.example", severity="silence")["msg"]


def test_below_a_block_that_is_stricter(block, server):
    server.add("gone.example", severity="suspend")
    for severity in ("silence", "noop"):
        result = block(domain="a.gone.example", severity=severity)
        assert result["failed"] and "covered by the block of gone.example (severity 'suspend')" in result["msg"]
    assert len(server.blocks) == 1


def test_what_the_server_refuses_is_said_and_the_token_is_not(block, server):
    server.broken = (403, json.dumps({"error": f"outside of scopes of {TOKEN}"}).encode(), {})
    result = block(**GONE)
    assert "GET http://localhost:" in result["msg"] and "answered with 403" in result["msg"]
    assert "admin:write:domain_blocks" in result["msg"] and TOKEN not in json.dumps(result)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ((401, b'{"error": "The access token was revoked"}', {}), "401 (The access token was revoked). token:"),
        ((404, b"<html>", {}), "404. api_url: there is no such page"),
        ((429, b"{}", {}), "429. It wants fewer requests"),
        ((500, b"", {}), "answered with 500."),
        ((301, b"", {"Location": "https://elsewhere.example/"}), "301. api_url: it sends us elsewhere"),
        ((200, b"<html>", {}), "with what is no JSON"),
        ((200, b'{"a": 1}', {}), "did not answer with a list"),
        ((200, b'[{"domain": "a.example"}]', {}), "with what is no block of a server"),
        ((200, b'[{"id": "1", "severity": "noop", "domain": 5}]', {}), "with what is no block of a server"),
        ((200, b'[{"id": "1", "severity": ["noop"], "domain": ["a"]}]', {}), "with what is no block of a server"),
        ((200, b"[" * 100_000, {}), "with what is no JSON"),
        ((500, b"[" * 100_000, {}), "answered with 500."),
        ((422, b'{"error": "\\u001b[31m' + b"x" * 9000 + b'"}', {}), "422 (?[31mxxx"),
    ],
    ids=[
        "token",
        "page",
        "rate",
        "broken",
        "redirection",
        "html",
        "no list",
        "no block",
        "a number",
        "a list",
        "deep",
        "deep error",
        "long",
    ],
)
def test_wrong_answers(block, server, broken, message):
    server.broken = broken
    result = block(**GONE)
    assert result["failed"] and message in result["msg"] and len(result["msg"]) < 500


def test_a_block_that_is_made_and_not_shown(server, monkeypatch):
    monkeypatch.setattr(server, "add", lambda *_args, **_values: [])
    with admin_api.running(server) as url:
        result = modules.run("domain_block", api_url=url, token=TOKEN, use_proxy=False, **GONE)
    assert result["failed"] and "with what is no block of a server" in result["msg"]


def test_a_redirection_does_not_get_the_token(block, server):
    other = admin_api.Server(TOKEN)
    with admin_api.running(other) as url:
        server.broken = (302, b"", {"Location": f"{url}{admin_api.PATH}"})
        assert block(**GONE)["failed"]
    assert other.requests == []


def test_a_wrong_token(block):
    result = block(**GONE, token="another")
    assert "answered with 401 (The access token is invalid)" in result["msg"] and "another" not in result["msg"]


def test_by_https(server, tmp_path):
    pem = tmp_path / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "30"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(pem), "-out", str(tmp_path / "ca.crt")]
    subprocess.run(command, check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "ca.crt").read_text())
    with admin_api.running(server, str(pem)) as url:
        options = {"api_url": url, "token": TOKEN, "use_proxy": False, **GONE}
        result = modules.run("domain_block", **options)
        assert result["failed"] and "its certificate is not valid" in result["msg"] and server.requests == []
        assert modules.run("domain_block", **options, ca_path=str(tmp_path / "ca.crt"))["changed"]
        assert not modules.run("domain_block", **options, validate_certs=False)["changed"]


def test_nobody_listens_or_answers():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        result = modules.run("domain_block", api_url=url, token=TOKEN, use_proxy=False, **GONE)
        assert "Connection refused" in result["msg"]
        bound.listen()
        result = modules.run("domain_block", api_url=url, token=TOKEN, use_proxy=False, timeout=0.5, **GONE)
    assert "no answer in time" in result["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domain": "gone.example"}, "severity"),
        ({"domain": "https://gone.example/", "severity": "noop"}, "is no name of a server"),
        ({"domain": "*.example", "severity": "noop"}, "is no name of a server"),
        ({"domain": "", "severity": "noop"}, "is no name of a server"),
        ({**GONE, "api_url": "http://mastodon.example"}, "api_url must begin with https://"),
        ({**GONE, "api_url": "mastodon.example"}, "api_url must be the address"),
        ({**GONE, "api_url": "https://me:pw@mastodon.example"}, "api_url must be the address"),
        ({**GONE, "api_url": "https://mastodon.example/api"}, "api_url must be the address"),
        ({**GONE, "api_url": "https://[mastodon"}, "api_url must be the address"),
        ({**GONE, "api_url": "https://mastodon.example:70000"}, "api_url must be the address"),
        ({**GONE, "api_url": f"https://{'a' * 64}.example"}, "api_url must be the address"),
        ({**GONE, "api_url": "https://stra\u00dfe.example"}, "api_url: 'stra\u00dfe.example' may mean two servers"),
        ({"domain": "\u00df.example", "severity": "noop"}, "domain: '\u00df.example' may mean two servers"),
        (
            {**GONE, "ca_path": "/no/such.pem"},
            "ca_path: /no/such.pem cannot be read on the host of the task: No such file",
        ),
        ({**GONE, "ca_path": __file__}, f"ca_path: {__file__} holds no certificates"),
        ({**GONE, "token": "caf\u00e9"}, "one word of ASCII"),
        ({**GONE, "token": "two words"}, "one word"),
        ({**GONE, "token": "a\r\nHost: b"}, "one word"),
        ({**GONE, "timeout": 0}, "timeout must be"),
    ],
)
def test_bad_options(options, message):
    result = modules.run("domain_block", **{"api_url": "https://localhost:1", "token": TOKEN, **options})
    assert result["failed"] and message in result["msg"]


def test_a_name_in_another_script(block, server):
    block(domain="MÜNCHEN.example", severity="noop")
    assert server.blocks[0]["domain"] == "xn--mnchen-3ya.example"


@contextlib.contextmanager
def serving(handler):
    """A server that answers as the handler does: its address."""
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        listening.server_close()


class _Slow(http.server.BaseHTTPRequestHandler):
    """Answers without an end: a header, a body or pages. Every byte or page comes soon enough for the timeout of a socket."""

    manner = ""
    asked = 0

    def do_GET(self):
        type(self).asked += 1
        with contextlib.suppress(OSError):
            if self.manner == "pages":
                return self._page()
            self.wfile.write(b"HTTP/1.1 500 No\r\n" if self.manner == "error" else b"HTTP/1.1 200 OK\r\n")
            while self.manner == "header":
                self._drip(b"X-A: b\r\n")
            self.wfile.write(b"Content-Length: 4000000\r\n\r\n[")
            while True:
                self._drip(b" ")

    def do_POST(self):
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n{")
            while True:
                self._drip(b" ")

    def _drip(self, data):
        self.wfile.write(data)
        self.wfile.flush()
        time.sleep(0.05)

    def _page(self):
        block = {**admin_api.NEW, "id": str(10**9 - self.asked), "domain": f"n{self.asked}.example"}
        body = json.dumps([block]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Link", '<https://a.example/>; rel="next"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


@pytest.mark.parametrize("manner", ["header", "body", "error", "pages"])
def test_an_answer_without_an_end_is_ended(manner):
    """Without a bound for all of it these would not come back at all."""
    handler = type("Slow", (_Slow,), {"manner": manner})
    with serving(handler) as url:
        result = modules.run("domain_block", api_url=url, token=TOKEN, use_proxy=False, timeout=2, **GONE)
    assert result["failed"] and "no answer in time (timeout is 2 s for all requests together)" in result["msg"]
    assert handler.asked == 1 or manner == "pages"


def test_more_entries_than_any_server_has(monkeypatch):
    monkeypatch.setattr(api_of_module, "_MOST_ENTRIES", 20)
    handler = type("Slow", (_Slow,), {"manner": "pages"})
    with serving(handler) as url:
        result = modules.run("domain_block", api_url=url, token=TOKEN, use_proxy=False, **GONE)
    assert result["failed"] and "has more than 20 entries" in result["msg"] and handler.asked == 20


def test_whether_a_slow_change_was_made_is_not_known(monkeypatch):
    monkeypatch.setattr(api_of_module.Api, "pages", lambda *_arguments: iter(()))
    with serving(_Slow) as url:
        result = modules.run("domain_block", api_url=url, token=TOKEN, use_proxy=False, timeout=1, **GONE)
    assert result["failed"] and "Whether it was done is not known" in result["msg"]
