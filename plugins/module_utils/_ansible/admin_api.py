# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Mastodon's admin API: one request, one answer or one clear error. The token is in a header, and nowhere else.

No redirection is followed, for it would take the token with it. The timeout is for all requests together: the one of a socket
begins anew with each byte, and a server can drip them, or name a next page for ever.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils.urls import ConnectionError as NoConnection
from ansible.module_utils.urls import SSLValidationError, open_url

from .._mastodon.federation.authorities import trusted_authorities
from .._mastodon.jobs.names import refuse_two_readings
from .._sidekiq.errors import BadOption, SidekiqError
from .._sidekiq.text import printable

OPTIONS: t.Final = {
    "api_url": {"type": "str", "required": True},
    "token": {"type": "str", "required": True, "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "use_proxy": {"type": "bool", "default": True},
    "timeout": {"type": "float", "default": 30.0},
}
T = t.TypeVar("T")

_LARGEST = 4 * 1024 * 1024
_LONGEST = 200
_MOST_ENTRIES = 100_000
_HERE = ("localhost", "127.0.0.1", "::1")
_WHY: t.Final = {
    401: "token: it is not known there, or was revoked.",
    403: "token: it needs the scopes admin:read:domain_blocks and admin:write:domain_blocks, of a user whose role may manage federation.",
    404: "api_url: there is no such page; is it the address of a Mastodon server of release 4.0 or newer?",
    429: "It wants fewer requests; try again in five minutes.",
}


class Api:
    """The API of one server."""

    def __init__(self, options: t.Mapping[str, t.Any]) -> None:
        self._base = _base(options["api_url"])
        self._token = options["token"].strip()
        if not re.fullmatch(r"[!-~]+", self._token):
            raise BadOption("token must be an access token, one word of ASCII characters.")
        if not 0 < options["timeout"] <= 300:
            raise BadOption("timeout must be more than 0 and at most 300 seconds.")
        trusted_authorities(options["ca_path"])  # open_url reads the file anew, and names no option when it fails
        self._how = {name: options[name] for name in ("validate_certs", "ca_path", "use_proxy", "timeout")}
        self._timeout = options["timeout"]
        self._deadline = time.monotonic() + self._timeout

    def pages(self, path: str, limit: int) -> t.Iterator[t.Mapping[str, t.Any]]:
        """All entries of a list, the newest first."""
        last: str | None = None
        count = 0
        while count < _MOST_ENTRIES:
            more = {} if last is None else {"max_id": last}
            found, link = self._ask("GET", f"{path}?{urllib.parse.urlencode({'limit': limit, **more})}", None)
            if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
                raise SidekiqError(f"GET {path} did not answer with a list; is api_url that of a Mastodon server?")
            yield from found
            count += len(found)
            before, last = last, str(found[-1].get("id")) if found else None
            if last is None or last == before or 'rel="next"' not in link:
                return
        raise SidekiqError(f"GET {path} has more than {_MOST_ENTRIES:,} entries; is api_url that of a Mastodon server?")

    def ask(self, method: str, path: str, data: t.Mapping[str, t.Any] | None = None) -> t.Any:
        """What it answers. Raises SidekiqError with what it says if that is an error."""
        return self._ask(method, path, data)[0]

    def _ask(self, method: str, path: str, data: t.Mapping[str, t.Any] | None) -> tuple[t.Any, str]:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        body = None
        if data is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(data)
        where = f"{method} {self._base}{path.partition('?')[0]}"

        def request() -> tuple[t.Any, str]:
            try:
                answer = open_url(
                    f"{self._base}{path}",
                    data=body,
                    headers=headers,
                    method=method,
                    follow_redirects="none",
                    use_netrc=False,
                    http_agent="fediverse.mastodon",
                    **self._how,
                )
                return _json(where, answer.read(_LARGEST)), answer.headers.get("Link") or ""
            except urllib.error.HTTPError as problem:
                raise SidekiqError(_refusal(where, problem)) from None

        unknown = "" if method == "GET" else " Whether it was done is not known; run the task again to see."
        try:
            return _until(self._deadline, request)
        except _TooLate:
            why = f"no answer in time (timeout is {self._timeout:g} s for all requests together)."
            raise SidekiqError(f"{where}: {why}{unknown}") from None
        except SidekiqError as problem:
            raise SidekiqError(self._hidden(str(problem))) from None
        except (OSError, NoConnection, SSLValidationError, http.client.HTTPException, ssl.SSLError) as problem:
            raise SidekiqError(self._hidden(f"{where}: {_reason(problem)}{unknown}")) from None

    def _hidden(self, text: str) -> str:
        return text.replace(self._token, "********")


class _TooLate(Exception):
    """The time for all requests is up."""


def _until(deadline: float, action: t.Callable[[], T]) -> T:
    """What an action returns or raises. Raises _TooLate at the deadline.

    Nothing ends a name server's silence, or an answer that comes byte by byte, but to stop waiting for it.
    """
    outcome: list[T] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(action())
        except BaseException as problem:  # pylint: disable=broad-exception-caught  # it is raised where it is waited for
            problems.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if problems:
        raise problems[0]
    if not outcome:
        raise _TooLate
    return outcome[0]


def _base(url: str) -> str:
    """Raises BadOption where the token would go in clear text over a network."""
    try:
        parts = urllib.parse.urlsplit(url.strip())
        host = parts.hostname or ""
        right = (
            parts.scheme in ("http", "https") and host.encode("idna") and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:
        right = False
    if not right or parts.query or parts.fragment or parts.path.strip("/"):
        raise BadOption("api_url must be the address of the server and no more, such as https://mastodon.example.")
    refuse_two_readings(host, "api_url")
    if parts.scheme == "http" and host not in _HERE:
        raise BadOption("api_url must begin with https://, for the token goes with each request.")
    return f"{parts.scheme}://{parts.netloc}"


def _refusal(where: str, problem: urllib.error.HTTPError) -> str:
    try:
        said = json.loads(problem.read(_LARGEST)).get("error")
    except (OSError, ValueError, AttributeError, RecursionError, http.client.HTTPException):
        said = None
    more = f" ({printable(said, _LONGEST)})" if isinstance(said, str) and said else ""
    why = _WHY.get(problem.code, "")
    if 300 <= problem.code < 400:
        why = (
            "api_url: it sends us elsewhere; give the address that it has in the browser (WEB_DOMAIN, if that is set)."
        )
    return f"{where} answered with {problem.code}{more}. {why}".strip()


def _reason(problem: BaseException) -> str:
    inner = getattr(problem, "reason", None)
    if isinstance(inner, BaseException):
        return _reason(inner)
    if isinstance(problem, (socket.timeout, TimeoutError)):
        return "no answer in time."
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {problem.verify_message}. ca_path can name the authority to trust."
    return printable(str(problem) or type(problem).__name__, _LONGEST)


def _json(where: str, body: bytes) -> t.Any:
    try:
        return json.loads(body)
    except (RecursionError, ValueError):
        raise SidekiqError(f"{where} answered with what is no JSON; is api_url that of a Mastodon server?") from None
