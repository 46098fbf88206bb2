# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A path that somebody else chose is opened only if it is a regular file of an expected size."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.regular_file import open_regular, read_regular


def test_the_whole_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(str(path), 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes") as caught:
        read_regular(str(path), 4)
    assert caught.value.errno == errno.EFBIG


def test_a_fifo_without_a_writer_is_no_wait(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    refused = []

    def opened():
        try:
            open_regular(str(tmp_path / "fifo"))
        except OSError as problem:
            refused.append(problem.strerror)

    thread = threading.Thread(target=opened, daemon=True)
    thread.start()
    thread.join(60)
    assert refused == ["It is not a regular file"]


@pytest.mark.parametrize("path", ["/dev/null", "/"])
def test_a_device_or_a_directory(path):
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(path)


def test_no_descriptor_is_left_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        open_regular(str(tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before
