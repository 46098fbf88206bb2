# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule of archives as text for a terminal."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.storage import build_bytes
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.humanize import duration, size
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.text import printable
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.terminal import cut, title, wrapped

DOCUMENTATION = r"""
name: export_schedule
short_description: The results of M(fediverse.mastodon.export_info) as a schedule for a terminal
version_added: 1.0.0
description:
  - For each host one line for each archive in the order in which they are expected, then what is wrong and what to do.
  - Hosts with orphans and duplicates come first. A host that could not be reached or read is listed with the reason.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: Host name -> registered result of M(fediverse.mastodon.export_info).
    type: dictionary
    required: true
  width:
    description: Columns of the terminal.
    type: int
    default: 79
  limit:
    description: Lines of archives for each host; how many more there are is said.
    type: int
    default: 100
"""

EXAMPLES = r"""
- name: Print who waits for what
  fediverse.mastodon.report:
    text: "{{ {inventory_hostname: archives} | fediverse.mastodon.export_schedule(width=100) }}"
"""

RETURN = r"""
_value:
  description: The schedule, lines of at most O(width) columns.
  type: string
"""

_NEVER_CUT = 60
_TROUBLE = ("orphaned", "duplicated", "retrying")


@in_a_sentence
def export_schedule(results: t.Any, width: int = 79, limit: int = 100) -> str:
    """See DOCUMENTATION."""
    if not isinstance(results, t.Mapping):
        raise AnsibleFilterError(f"export_schedule wants a dictionary of host -> result, not {type(results).__name__}.")
    width = max(int(width), _NEVER_CUT)
    hosts = sorted(results.items(), key=lambda item: (_rank(item[1]), str(item[0])))
    return "\n\n".join(
        "\n".join(cut(line, width) for line in _host(printable(name), result, width, int(limit)))
        for name, result in hosts
    )


def _rank(result: t.Any) -> int:
    if not _was_read(result):
        return 1
    return 0 if any(result["totals"][state] for state in _TROUBLE) else 2


def _was_read(result: t.Any) -> bool:
    return isinstance(result, t.Mapping) and "exports" in result


def _host(name: str, result: t.Any, width: int, limit: int) -> list[str]:
    if not _was_read(result):
        message = result.get("msg", "no result") if isinstance(result, t.Mapping) else "no result"
        what = "unreachable" if isinstance(result, t.Mapping) and result.get("unreachable") else "could not be read"
        return [title(name, what, width), *wrapped(printable(message), width, "  ")]
    lines = [title(name, _verdict(result), width), *_overview(result, width)]
    shown = result["exports"][: max(0, limit)]
    if shown:
        lines += ["", *_table(shown, result, width)]
    if len(result["exports"]) > len(shown):
        lines.append(f"... and {len(result['exports']) - len(shown):,} more")
    for note in _notes(result):
        lines += ["", *wrapped(printable(note), width, "", "  ")]
    return lines


def _verdict(result: t.Mapping[str, t.Any]) -> str:
    counts = [f"{result['totals'][state]} {state}" for state in _TROUBLE if result["totals"][state]]
    waits = f"{result['total']:,} archive{'' if result['total'] == 1 else 's'}"
    return ", ".join([waits, *counts]) if result["total"] else "nobody waits for an archive"


def _overview(result: t.Mapping[str, t.Any], width: int) -> list[str]:
    finished, disks = result["completed"], result["space"]
    parts = ["  ".join(f"{state} {number:,}" for state, number in result["totals"].items())]
    if finished["count"] is not None:
        parts.append(f"finished {finished['count']:,} ({size(finished['bytes'])})")
    lines = wrapped(f"redis at {printable(result['server'])}; {result['taken_at']}", width, "")
    lines += wrapped("; ".join(parts), width, "")
    room = [
        f"{size(disk['free_bytes'])} free to {what} them ({printable(disk['path'])})"
        for what, disk in (("build", disks["build"]), ("keep", disks["keep"]))
        if disk["free_bytes"] is not None
    ]
    return lines + (wrapped(", ".join(room), width, "") if room else [])


def _table(exports: t.Sequence[t.Mapping[str, t.Any]], result: t.Mapping[str, t.Any], width: int) -> list[str]:
    names = [printable(export["account"] or "?") for export in exports]
    space = max(7, min(max(map(len, names)), 20))
    lines = [f"{'STATE':<10}  {'ACCOUNT':<{space}}  {'BACKUP':>8}  {'ASKED':>7}  "]
    for export, name in zip(exports, names):
        asked = "?" if export["age"] is None else duration(export["age"])
        start = f"{export['state']:<10}  {cut(name, space):<{space}}  {export['backup_id']:>8}  {asked:>7}  "
        lines += wrapped(printable(_what(export, result["taken_epoch"])), width, start, " " * 14)
    lines[0] = lines[0].rstrip()
    return lines


def _what(export: t.Mapping[str, t.Any], now: float) -> str:
    state = export["state"]
    if state == "duplicated":
        first = export["duplicate_of"]
        jobs = f"{len(export['jids'])} job{'' if len(export['jids']) == 1 else 's'}"
        return f"{jobs}; the same user gets {first} first" if first else f"{jobs} build it"
    if state == "orphaned":
        if export["duplicate_of"]:
            return f"no job; the same user gets {export['duplicate_of']} first"
        return "no job: its process was killed" if export["certain"] else "no job seen, but a process is silent"
    return {"running": _running, "waiting": _waiting, "scheduled": _later, "retrying": _later}.get(state, _done)(
        export, now
    )


def _running(export: t.Mapping[str, t.Any], _now: float) -> str:
    since = "" if export["elapsed"] is None else f"for {duration(export['elapsed'])} "
    beat = export["beat_age"]
    silent = " (no heartbeat)" if beat is None else f" (silent for {duration(beat)})" if beat > 30 else ""
    return f"{since}in {export['process']}{silent}"


def _waiting(export: t.Mapping[str, t.Any], _now: float) -> str:
    about = "" if export["estimate"] is None else f", about {duration(export['estimate'])}"
    return f"{export['ahead']:,} ahead in {export['queue']}{about}"


def _later(export: t.Mapping[str, t.Any], now: float) -> str:
    at = export["next_try_epoch"]
    when = "at ?" if at is None else "due" if at <= now else f"in {duration(at - now)}"
    when += "" if export["next_try_at"] is None else f" ({export['next_try_at'][11:16]}Z)"
    if export["state"] == "scheduled":
        return when
    return f"failed {export['attempts']} time{'' if export['attempts'] == 1 else 's'}, {export['error_class'] or '?'}; again {when}"


def _done(export: t.Mapping[str, t.Any], _now: float) -> str:
    return "" if export["bytes"] is None else size(export["bytes"])


def _notes(result: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    exports, totals = result["exports"], result["totals"]
    if not result["database"]:
        yield f"Without the database ({result['database_reason']}) nobody can know {'; '.join(result['unknown'])}."
    if totals["orphaned"]:
        yield (
            "Orphans never come by themselves, and their users can not ask again for six days. To build them:"
            ' ansible HOST -i INVENTORY -b -m fediverse.mastodon.export -a "state=enqueued all=true" --check --diff (then without --check).'
        )
    surplus = sum(len(export["surplus_jids"]) for export in exports)
    if surplus:
        yield f"{surplus:,} job{'' if surplus == 1 else 's'} could go without a loss: surplus_jids of fediverse.mastodon.export_info."
    if result["needless_jobs"]:
        yield f"{len(result['needless_jobs']):,} jobs are for archives that are finished or gone."
    if result["silent_processes"]:
        yield f"Silent: {', '.join(result['silent_processes'])}. What they run is not known; look again in a minute."
    for queue in result["queues"]:
        taking = set(queue["processes"]) - set(queue["quiet"])
        if not taking:
            yield f"No process takes jobs from {queue['name']}."
        elif queue["rate"] == 0 and any(export["ahead"] for export in exports if export["queue"] == queue["name"]):
            yield f"{queue['name']} did not move while it was watched."
    yield from _room(result)


def _room(result: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """The largest archive must fit: 1.3 times its size to be built, once to be kept."""
    sizes = [export["media_bytes"] for export in result["exports"] if export["media_bytes"]]
    if not sizes:
        return
    largest = max(sizes)
    space = result["space"]
    for what, disk, needed in (("build", space["build"], build_bytes(largest)), ("keep", space["keep"], largest)):
        if disk["free_bytes"] is not None and disk["free_bytes"] < needed:
            yield (
                f"Not enough room to {what} the largest of them: about {size(needed)} needed,"
                f" {size(disk['free_bytes'])} free at {disk['path']}."
            )


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., str]]:
        return {"export_schedule": export_schedule}
