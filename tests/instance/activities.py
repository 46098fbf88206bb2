# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invented people and posts as the activities that Mastodon delivers and receives. Hosts are reserved example names."""

from __future__ import annotations

import datetime
import json
import random
from typing import Any

LOCAL_DOMAIN = "social.example"
DEAD_DOMAIN = "gone.example"
REMOTE_DOMAINS = (
    "fedi.example",
    "art.example",
    "books.example",
    "cats.example",
    "mastodon.books.example",
    "photos.example",
)

_PEOPLE = ("anna", "benoit", "chen", "dara", "emre", "fatou", "goran", "hana", "ines", "jörg", "kofi", "lena")
_TEXT = (
    "the harbour was quiet this morning and the bread came out of the oven late so we sat outside with coffee "
    "and watched the boats go by while somebody practised the accordion badly but with great joy née naïve Grüße "
    "über Straßen führen alle Wege nach Hause 今日 は 雨 です кошка спит на окне"
)
_WORDS = _TEXT.split()


def compact(value: Any) -> str:
    """JSON as Ruby writes it: no spaces, and no escape but those that JSON asks for."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def inbox(domain: str, person: str | None = None) -> str:
    """The shared inbox of a server, or a person's own."""
    return f"https://{domain}/users/{person}/inbox" if person else f"https://{domain}/inbox"


def person(rng: random.Random) -> str:
    """A user name."""
    return rng.choice(_PEOPLE)


def note(rng: random.Random, domain: str, at: float) -> str:
    """A Create activity with a post of somebody on `domain`, as JSON text of about 900 bytes."""
    status = int(at * 1000) << 16 | rng.getrandbits(16)
    actor = f"https://{domain}/users/{person(rng)}"
    published = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    public, followers = "https://www.w3.org/ns/activitystreams#Public", f"{actor}/followers"
    text = " ".join(rng.choices(_WORDS, k=rng.randint(8, 30)))
    tag = f'<a href="https://{domain}/tags/fediverse" rel="tag">#<span>fediverse</span></a>'
    return compact(
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{actor}/statuses/{status}/activity",
            "type": "Create",
            "actor": actor,
            "published": published,
            "to": [public],
            "cc": [followers],
            "object": {
                "id": f"{actor}/statuses/{status}",
                "type": "Note",
                "published": published,
                "url": f"https://{domain}/@{actor.rpartition('/')[2]}/{status}",
                "attributedTo": actor,
                "to": [public],
                "cc": [followers],
                "sensitive": False,
                "content": f"<p>{text} {tag}</p>",
                "tag": [],
            },
        }
    )
