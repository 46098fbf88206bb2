# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Record files: JSON objects that say their format and version, mode 0600, each on the disk whole or not at all."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ..._sidekiq.errors import BadOption
from ..._sidekiq.regular_file import read_regular
from ..._sidekiq.text import printable
from . import atomic_file

_LARGEST: t.Final = 256 * 1024**2

Record = dict[str, t.Any]


@dataclass(frozen=True)
class Kind:
    """A kind of record. `what`: what a person calls it; `where`: a sentence that says where to find these files.

    `option`: the one that names their directory.
    """

    what: str
    format: str
    version: int
    where: str
    option: str

    def begin(self, values: t.Mapping[str, t.Any]) -> Record:
        """A record of this kind with these values."""
        return {"format": self.format, "version": self.version, **values}

    def read(self, path: str) -> Record:
        """Raises BadOption for a file that cannot be read, or is no record of this kind and version."""
        try:
            record = json.loads(read_regular(path, _LARGEST))
        except FileNotFoundError:
            raise BadOption(f"There is no {self.what} {path}. {self.where}") from None
        except OSError as problem:
            raise BadOption(f"The {self.what} {path} cannot be read: {problem.strerror}. {self.where}") from None
        except (RecursionError, ValueError):
            raise BadOption(f"{path} is no {self.what}: it is no JSON that can be read.") from None
        if not isinstance(record, dict) or record.get("format") != self.format:
            raise BadOption(f"{path} is no {self.what}: it does not have the format {self.format!r}.")
        if record.get("version") != self.version:
            version = printable(str(record.get("version")), 20)
            raise BadOption(f"{path} is a {self.what} of version {version}; this release reads version {self.version}.")
        return record

    def damaged(self, path: str, wrong: t.Iterable[str]) -> BadOption:
        """For a record without these keys, or with other values in them than this release writes."""
        return BadOption(f"The {self.what} {path} is damaged: {', '.join(wrong)} is not there or of another shape.")

    def write(self, path: str, record: Record) -> None:
        """Put a record on the disk. Raises SidekiqError, for example if there is no room."""
        text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
        atomic_file.write(path, text + "\n", self.option)
