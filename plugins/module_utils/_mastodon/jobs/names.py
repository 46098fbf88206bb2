# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Names that people write into options: split, checked for the form that each can have, and in the form that jobs have.

A name that cannot be one by its form would match nothing, and "nothing to do" would be a lie. So it is refused. A name that
can be one and matches nothing is no error.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..._sidekiq.errors import BadOption

_WORDS: t.Final = re.compile(r"[\s,]+")
_LINES: t.Final = re.compile(r"[\r\n,]+")
_CONTROL: t.Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_CONSTANT: t.Final = r"(?:::)?[^\W\d_a-z*?\[\]][\w*?\[\]!^-]*"
_DEVIATIONS: t.Final = frozenset("\u00df\u03c2\u200c\u200d")
"""Sharp s, final sigma, and what joins or parts letters: the deviation characters of Unicode's UTS 46."""


class Read(t.NamedTuple):
    """A name in the form that jobs have, and what its reader is to be warned of."""

    name: str
    warning: str = ""


Reader = t.Callable[[str, str], Read]
"""Takes the option and what is written. Raises BadOption."""


@dataclass(frozen=True)
class Kind:
    """What parts the names of a text, and how one is read."""

    split: re.Pattern[str]
    read: Reader


def parse_names(kind: str, option: str, given: str | t.Iterable[t.Any]) -> tuple[list[str], list[str]]:
    """The names of a list, or of a text with several, each once, and warnings. `kind`: one of KINDS.

    Raises BadOption for what cannot be such a name by its form, and for a list of nothing but empty texts.
    """
    entries = [given] if isinstance(given, str) else list(given)
    texts = [text.strip() for entry in entries for text in KINDS[kind].split.split(str(entry))]
    read = [KINDS[kind].read(option, text) for text in dict.fromkeys(texts) if text]
    if entries and not read:
        raise BadOption(f"{option} names nothing: its text is empty. Leave {option} out, or name what is meant.")
    return list(dict.fromkeys(reading.name for reading in read)), [
        reading.warning for reading in read if reading.warning
    ]


def parse_name(kind: str, option: str, given: str) -> str:
    """The one name in a text. Raises BadOption where there is none or more than one."""
    names, _warnings = parse_names(kind, option, [given])
    if len(names) != 1:
        raise BadOption(f"{option}: {given!r} is more than one name; give one.")
    return names[0]


def is_taken(kind: str, name: str) -> bool:
    """Whether an option takes a name just as it is. A name out of Redis may be any text, and one that is refused must not end a run."""
    try:
        return parse_names(kind, kind, [name]) == ([name], [])
    except BadOption:
        return False


def is_server(name: str) -> bool:
    """Whether a name server could know it: no pattern and no address of IPv6."""
    return is_taken("domains", name) and not re.search(r"[*:]", name)


def host_name(option: str, written: str) -> str:
    """The name of a server as Mastodon stores it: lower case, without a dot at its end, and in the DNS's letters.

    Mastodon's libidn follows IDNA 2003, as Python does. Raises BadOption for what is no such name.
    """
    text = written.strip().lower()
    text = text[:-1] if text.endswith(".") else text
    refuse_two_readings(text, option)
    try:
        ascii_text = text.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_text = ""
    labels = ascii_text.split(".")
    if len(ascii_text) > 253 or not all(
        re.fullmatch(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in labels
    ):
        raise BadOption(f"{option}: {written!r} is no name of a server, such as gone.example.")
    return ascii_text


def refuse_two_readings(host: str, option: str) -> None:
    """Raises BadOption for a name that is one server by IDNA 2003, as Python has it, and another by IDNA 2008."""
    if _DEVIATIONS & set(host):
        raise BadOption(f"{option}: {host!r} may mean two servers. Write the name as it is in the DNS, with xn--.")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _domain(option: str, written: str) -> Read:
    """A server, or with `*.` all its subdomains."""
    if "/" in written:
        return _host_of(option, written if "://" in written else f"//{written.lstrip('/')}", "a URL")
    if "@" in written:
        domain = written.rpartition("@")[2]
        raise BadOption(
            f"{option}: {written!r} is an account, not a server. If all jobs for its server are meant, write {domain!r}."
        )
    if _is_address(written.strip("[]")):
        return Read(written.strip("[]").lower())
    if ":" in written:
        return _host_of(option, f"//{written}", "a server with a port")
    star, name = ("*.", written[2:]) if written.startswith("*.") else ("", written)
    if re.search(r"[*?\[\]]", name):
        raise BadOption(
            f"{option}: {written!r} is no pattern for servers. Only *.gone.example is, for all its subdomains."
        )
    return Read(star + host_name(option, name))


def _host_of(option: str, url: str, kind: str) -> Read:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("", "http", "https"):
        raise BadOption(f"{option}: {url.lstrip('/')!r} names no server, such as gone.example.")
    server = Read(host) if _is_address(host) else _domain(option, host)
    return Read(server.name, f"{option}: this names servers; {kind} was taken for its server, {server.name}.")


def _pattern(form: str, what: str) -> Reader:
    """A reader of names of a form (a regular expression); `what` ends "is no ..."."""
    matches = re.compile(form).fullmatch

    def read(option: str, written: str) -> Read:
        if _CONTROL.search(written) or not matches(written):
            raise BadOption(f"{option}: {written!r} is no {what}.")
        return Read(written)

    return read


def _account(option: str, written: str) -> Read:
    """`name` or `name@domain`, with or without an @ in front."""
    name, at, domain = written[written.startswith("@") :].partition("@")
    if not re.fullmatch(r"[\w.-]+", name) or (at and not domain):
        raise BadOption(f"{option}: {written!r} is no account, such as someone or someone@gone.example.")
    return Read(f"{name}@{host_name(option, domain)}" if at else name)


def _username(option: str, written: str) -> Read:
    """A local account, with or without an @ in front."""
    name = written[written.startswith("@") :]
    if not re.fullmatch(r"[\w.-]+", name):
        raise BadOption(f"{option}: {written!r} is no account of this server. Write its name alone, such as someone.")
    return Read(name)


_WORD: t.Final = r"[^\s,*?]+"

KINDS: t.Final[t.Mapping[str, Kind]] = {
    "queues": Kind(_WORDS, _pattern(_WORD, "name of a queue, such as push; a queue has no pattern, name each")),
    # Ruby constants begin with a capital; what follows is anything, as a producer in another language may write it
    "classes": Kind(
        _WORDS,
        _pattern(
            r"(?:(?:::)?[^\W\d_a-z]|[*?\[])(?:[^\s,]*[^\s,:])?",
            "job class, such as BackupWorker, ActivityPub::* or UserMailer#welcome",
        ),
    ),
    "errors": Kind(
        _WORDS,
        _pattern(
            rf"(?:{_CONSTANT}|[*?\[][\w*?\[\]!^:-]*)(?:::[\w*?\[\]!^-]+)*",
            "class of errors, such as HTTP::TimeoutError or Errno::*; for the message there is error_message",
        ),
    ),
    # Sidekiq makes 24 hex digits, but takes any text from a producer that brings its own
    "jids": Kind(_WORDS, _pattern(_WORD, "id of a job; ids have no pattern, name each")),
    "domains": Kind(_WORDS, _domain),
    "digests": Kind(_WORDS, _pattern(r"\S+", "digest of a lock, such as uniquejobs:*")),
    # Sidekiq's component.rb: hostname, pid and a random number in hex digits
    "identities": Kind(
        _WORDS, _pattern(r"[^\s,*?]+:\d+:[0-9A-Za-z]+", "identity of a process, such as host:1856:c98a7640857b")
    ),
    "hostnames": Kind(_WORDS, _pattern(r"[\w.-]+", "name of a host, as its processes say it, such as web-1")),
    "tags": Kind(_LINES, _pattern(r".+", "tag")),
    "accounts": Kind(_WORDS, _account),
    "usernames": Kind(_WORDS, _username),
    "units": Kind(_WORDS, _pattern(r"[\w:.\\@*?\[\]!^-]+", "unit of systemd, such as mastodon-sidekiq*.service")),
    "files": Kind(_LINES, _pattern(r".+", "file")),
    "words": Kind(_WORDS, _pattern(r"\S+", "word")),
}
"""The kinds of names that options take."""
