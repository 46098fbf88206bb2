# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for Mastodon's admin API of domain blocks, which needs Rails: its answers, codes and pages, with blocks in memory.

As a program it serves 127.0.0.1: `python3 admin_api.py PORT`, with the token that it takes in $ADMIN_API_TOKEN.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/api/v1/admin/domain_blocks"
NEW: dict[str, Any] = {
    "severity": "silence",
    "reject_media": False,
    "reject_reports": False,
    "private_comment": None,
    "public_comment": None,
    "obfuscate": False,
}
LARGEST_PAGE = 3


class Server:
    """What it holds. `requests`: method, path and token of each; `broken`: an answer that is given in the place of all others."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.blocks: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, str]] = []
        self.broken: tuple[int, bytes, dict[str, str]] | None = None
        self._last = 0

    def add(self, domain: str, **values: Any) -> dict[str, Any]:
        """Make a block."""
        self._last += 1
        made = {"id": str(self._last), "domain": domain, "created_at": "2026-11-22T07:05:56.000Z", **NEW, **values}
        self.blocks.insert(0, made)
        return made

    def answer(self, method: str, target: str, said: str, data: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers."""
        path, _mark, query = target.partition("?")
        self.requests.append((method, path, said))
        if said != f"Bearer {self.token}":
            return 401, {"error": "The access token is invalid"}, {}
        if path == PATH:
            return self._list(query) if method == "GET" else self._create(data)
        block = next((block for block in self.blocks if path == f"{PATH}/{block['id']}"), None)
        if block is None:
            return 404, {"error": "Record not found"}, {}
        if method == "DELETE":
            self.blocks.remove(block)
            return 200, {}, {}
        if method == "PUT":
            block.update({name: value for name, value in data.items() if name in NEW})
        return 200, block, {}

    def _list(self, query: str) -> tuple[int, Any, dict[str, str]]:
        asked = urllib.parse.parse_qs(query)
        limit = min(int(asked.get("limit", ["100"])[0]), LARGEST_PAGE)
        below = int(asked.get("max_id", [str(self._last + 1)])[0])
        page = [block for block in self.blocks if int(block["id"]) < below][:limit]
        if len(page) < limit:
            return 200, page, {}
        link = f'<https://elsewhere.example{PATH}?limit={limit}&max_id={page[-1]["id"]}>; rel="next"'
        return 200, page, {"Link": link}

    def _create(self, data: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        parts = data["domain"].split(".")
        names = [".".join(parts[number:]) for number in range(len(parts))]
        rule = next((block for name in names for block in self.blocks if block["domain"] == name), None)
        if rule is not None and (rule["domain"] == data["domain"] or not _is_stricter({**NEW, **data}, rule)):
            return 422, {"error": "You have already imposed stricter limits", "existing_domain_block": rule}, {}
        return 200, self.add(**data), {}


def _is_stricter(block: dict[str, Any], rule: dict[str, Any]) -> bool:
    order = ["noop", "silence", "suspend"].index
    if block["severity"] == "suspend" or order(block["severity"]) < order(rule["severity"]):
        return bool(block["severity"] == "suspend")
    return all(block[name] or not rule[name] for name in ("reject_media", "reject_reports"))


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    """For http.server."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            data = json.loads(self.rfile.read(length) or b"{}")
            status, said, headers = server.answer(self.command, self.path, self.headers["Authorization"] or "", data)
            body = json.dumps(said).encode()
            if server.broken:
                status, body, headers = server.broken
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@contextlib.contextmanager
def running(server: Server, certificate: str | None = None) -> Iterator[str]:
    """Serves on a free port of this machine, by HTTPS if there is a certificate; yields the address."""
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler(server))
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{scheme}://localhost:{listening.server_address[1]}"
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler(Server(os.environ["ADMIN_API_TOKEN"]))).serve_forever()
