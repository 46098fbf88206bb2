# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive is read as it was written; one that was cut off, damaged or made elsewhere is refused with the line."""

from __future__ import annotations

import gzip
import json
import random
import re
import zlib

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.format import Entry
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.reader import Archive
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.writer import Writer
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

SEPARATED = '{"class":"B","args":["\u2028 \\ud800"]}'.encode()
ENTRIES = [
    Entry("queue:push", b'{"class":"A","jid":"1"}', None, 0, "", b'{"class":"A","jid":"1"}'),
    Entry("queue:push", b"\xff no text\n", None, 7, "queue:slow", b"\xfe"),
    Entry("retry", SEPARATED, 1795331156.4284, 3, "", SEPARATED),
    Entry("dead", b"", 0.1, 0, "retry", b"x", 2.5, {"digest": "uniquejobs:1", "jid": "2", "ttl_ms": 5}),
]
REFUSED = re.compile(r"is damaged at line \d+: .*\. Nothing was restored\.$|is no archive of this collection")


def write(directory, taken=b"\xf0"):
    """An archive; and its sizes when it was sealed and when it had its outcome."""
    writer = Writer(str(directory), "absent", "127.0.0.1:6379 db 0", "", 1795331156.4)
    for entry in ENTRIES:
        writer.add(entry)
    writer.seal()
    with open(writer.path, "rb") as file:
        sealed = len(file.read())
    if taken is not None:
        writer.outcome(taken)
    writer.close()
    with open(writer.path, "rb") as file:
        return file.read(), sealed


def read(path, content):
    path.write_bytes(content)
    archive = Archive(str(path))
    return archive, [entry for _number, entry in archive.entries()]


def test_it_is_read_as_it_was_written(tmp_path):
    content, _sealed = write(tmp_path)
    archive, found = read(tmp_path / "a", content)
    assert found == ENTRIES
    assert (archive.count, archive.taken) == (4, b"\xf0")


def test_cut_at_every_byte_it_is_refused_or_whole(tmp_path):
    content, sealed = write(tmp_path)
    for size in range(len(content)):
        if size < sealed:
            with pytest.raises(BadOption, match=REFUSED):
                read(tmp_path / "cut", content[:size])
        else:  # the outcome alone is not there, which Redis knows as well
            archive, found = read(tmp_path / "cut", content[:size])
            assert found == ENTRIES
            assert (archive.taken, archive.cut_off) == (None, size > sealed)


def test_a_damaged_bit_is_found_or_changes_nothing(tmp_path):
    content, sealed = write(tmp_path)
    chance, refused = random.Random(1), 0
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << chance.randrange(8)
        try:
            archive, found = read(tmp_path / "damaged", bytes(damaged))
        except BadOption as refusal:
            assert REFUSED.search(str(refusal)), refusal
            refused += 1
        else:
            assert found == ENTRIES
            assert archive.taken in (b"\xf0", None)
    assert refused > 0.9 * sealed


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "line 1: it is empty"),
        (b"[]\n", "line 1: it is no object"),
        (b"{}\n", "no archive of this collection"),
        (b'{"format":"tar"}\n', "no archive of this collection"),
        (b"\xff\n", "line 1: it is not UTF-8"),
        (b"nothing\n", "line 1: it is no JSON"),
        (b"[" * 100_000 + b"\n", "line 1: it is no JSON"),
    ],
)
def test_a_file_whose_first_line_is_not_ours(tmp_path, line, says):
    # Not compressed above: gzip writes the time, and the name of a test must be the same in each process of a run.
    with pytest.raises(BadOption, match=re.escape(says)):
        read(tmp_path / "foreign", gzip.compress(line))


@pytest.mark.parametrize(("content", "says"), [(b"", "line 1: it is cut off"), (b"not gzip", "line 1")])
def test_a_file_that_is_no_gzip(tmp_path, content, says):
    with pytest.raises(BadOption, match=re.escape(says)):
        read(tmp_path / "foreign", content)


def lines(content):
    packer = zlib.decompressobj(31)
    return packer.decompress(content).decode().split("\n")[:-1], packer.unused_data


@pytest.mark.parametrize(
    ("line", "change", "says"),
    [
        (1, lambda fields: fields.update(version=2), "is an archive of version 2; this release reads version 1"),
        (1, lambda fields: fields.pop("id"), "line 1"),
        (1, lambda fields: fields.update(id="../x"), "line 1: the header has no id"),
        (1, lambda fields: fields.update(server="\ud800"), "line 1"),
        (2, lambda fields: fields.pop("raw"), "line 2: raw is not there"),
        (2, lambda fields: fields.update(raw="\ud800"), "line 2: raw is not there"),
        (2, lambda fields: fields.update(raw=["x"]), "line 2: raw is not there"),
        (2, lambda fields: fields.pop("place"), "line 2: place is not there"),
        (2, lambda fields: fields.update(place="feed:home:1"), "line 2: place is neither"),
        (2, lambda fields: fields.update(place="queue:\ud800"), "line 2: place is not there"),
        (3, lambda fields: fields.update(b64="%"), "line 3: b64 is not there"),
        (3, lambda fields: fields.update(position="x"), "line 3: position is no whole number"),
        (3, lambda fields: fields.update(position=-1), "line 3: position is no whole number"),
        (3, lambda fields: fields.update(position=1.5), "line 3: position is no whole number"),
        (3, lambda fields: fields.update(position=True), "line 3: position is no whole number"),
        (3, lambda fields: fields.update(position=2**53 + 1), "line 3: position is no whole number"),
        (3, lambda fields: fields.pop("position"), "line 3: position is no whole number"),
        (3, lambda fields: fields.update(to="uniquejobs:digests"), "line 3: to is neither"),
        (4, lambda fields: fields.update(score="high"), "line 4: score is no number"),
        (4, lambda fields: fields.update(score="1.5"), "line 4: score is no number"),
        (4, lambda fields: fields.update(score=float("nan")), "line 4: score is no number"),
        (4, lambda fields: fields.update(score=10**400), "line 4: score is no number"),
        (4, lambda fields: fields.update(score=False), "line 4: score is no number"),
        (4, lambda fields: fields.pop("score"), "line 4: score is no number"),
        (5, lambda fields: fields.update(lock="x"), "line 5: lock is no object"),
        (5, lambda fields: fields.update(lock={"digest": 1}), "line 5: digest is not there"),
        (5, lambda fields: fields["lock"].update(ttl_ms=-1), "line 5: ttl_ms is no whole number"),
        (5, lambda fields: fields["lock"].update(ttl_ms=2**63), "line 5: ttl_ms is no whole number"),
        (5, lambda fields: fields["lock"].update(ttl_ms=None), "line 5: ttl_ms is no whole number"),
        (5, lambda fields: fields["lock"].update(jid="\udfff"), "line 5: jid is not there"),
        (5, lambda fields: fields.update(new_score=None), "line 5: new_score is no number"),
        (6, lambda fields: fields.update(sealed=3), "line 6: the seal is for another number of jobs than the 4"),
        (6, lambda fields: fields.update(sealed=True), "line 6: the seal is for another number of jobs than the 4"),
        (6, lambda fields: fields.update(checksum="00"), "line 6: the checksum in the seal is not that of the lines"),
        (2, lambda fields: fields.update(raw="{}"), "line 6: the checksum in the seal is not that of the lines"),
    ],
)
def test_a_line_that_was_changed(tmp_path, line, change, says):
    content, _sealed = write(tmp_path)
    text, rest = lines(content)
    fields = json.loads(text[line - 1])
    change(fields)
    text[line - 1] = json.dumps(fields)
    with pytest.raises(BadOption, match=re.escape(says)):
        read(tmp_path / "changed", gzip.compress("\n".join([*text, ""]).encode()) + rest)
