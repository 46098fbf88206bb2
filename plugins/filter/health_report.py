# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of health checks as text for a terminal."""

from __future__ import annotations

import itertools
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.humanize import duration, size
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.text import printable
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.terminal import cut, title, wrapped

DOCUMENTATION = r"""
name: health_report
short_description: The results of M(fediverse.mastodon.sidekiq_health_info) as a report for a terminal
version_added: 1.0.0
description:
  - For each host the totals, a table of its queues, what runs longest, and the findings worst first with their fixes.
  - Findings of the same rule and severity are one block, with the fix of the first of them.
  - Hosts come worst first, too. A host that could not be reached or read is listed with the reason.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: Host name -> registered result of M(fediverse.mastodon.sidekiq_health_info).
    type: dictionary
    required: true
  width:
    description: Columns of the terminal.
    type: int
    default: 79
"""

EXAMPLES = r"""
- name: Print what is wrong
  fediverse.mastodon.report:
    text: "{{ {inventory_hostname: health} | fediverse.mastodon.health_report(width=100) }}"
"""

RETURN = r"""
_value:
  description: The report, lines of at most O(width) columns.
  type: string
"""

_WORST = {"critical": 0, "warning": 2, "notice": 3, "none": 4}
_UNREAD = 1
_NEVER_CUT = 40
_LONGEST = 5
_QUEUES = 12


@in_a_sentence
def health_report(results: t.Any, width: int = 79) -> str:
    """See DOCUMENTATION."""
    if not isinstance(results, t.Mapping):
        raise AnsibleFilterError(f"health_report wants a dictionary of host -> result, not {type(results).__name__}.")
    width = max(int(width), _NEVER_CUT)
    hosts = sorted(results.items(), key=lambda item: (_rank(item[1]), str(item[0])))
    return "\n\n".join(
        "\n".join(cut(line, width) for line in _host(printable(name), result, width)) for name, result in hosts
    )


def _rank(result: t.Any) -> int:
    return _WORST.get(result["worst"], 0) if _was_read(result) else _UNREAD


def _was_read(result: t.Any) -> bool:
    return isinstance(result, t.Mapping) and "findings" in result


def _host(name: str, result: t.Any, width: int) -> list[str]:
    if not _was_read(result):
        message = result.get("msg", "no result") if isinstance(result, t.Mapping) else "no result"
        what = "unreachable" if isinstance(result, t.Mapping) and result.get("unreachable") else "could not be read"
        return [title(name, what, width), *wrapped(printable(message), width, "  ")]
    lines = [title(name, _verdict(result), width), *_overview(result, width), "", *_queues(result, width)]
    lines += _running(result, width)
    for _rule, block in itertools.groupby(result["findings"], lambda found: (found["severity"], found["id"])):
        lines += ["", *_block(list(block), width)]
    if not result["findings"]:
        lines += ["", "Nothing is wrong."]
    return lines


def _verdict(result: t.Mapping[str, t.Any]) -> str:
    counts = [f"{number} {severity}" for severity, number in result["counts"].items() if number]
    return ", ".join(counts) or "all well"


def _overview(result: t.Mapping[str, t.Any], width: int) -> list[str]:
    totals, redis = result["totals"], result["redis"]
    memory = f", {size(redis['used_memory'])} used" if redis.get("used_memory") else ""
    server = f"{redis.get('product', 'redis')} {redis.get('version') or '?'} at {result['server']}{memory}; {result['taken_at']}"
    work = "{} ({ghosts} dead), {busy} of {threads} threads busy".format(_processes(totals["processes"]), **totals)
    jobs = "  ".join(
        # Never broken between a name and its figure.
        f"{name}\N{NO-BREAK SPACE}{totals[name]:,}"
        for name in ("enqueued", "retry", "scheduled", "dead", "processed", "failed")
    )
    lines = [line for text in (printable(server), work, jobs) for line in wrapped(text, width, "")]
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _processes(number: int) -> str:
    return f"{number:,} process{'' if number == 1 else 'es'}"


def _queues(result: t.Mapping[str, t.Any], width: int) -> list[str]:
    found = sorted(result["queues"], key=lambda queue: (-queue["latency"], -queue["size"], queue["name"]))
    shown = found[:_QUEUES]
    if not shown:
        return ["No queues."]
    space = max(5, min(max(len(printable(queue["name"])) for queue in shown), width - 40))
    lines = [f"{'QUEUE':<{space}}  {'SIZE':>10}  {'LATENCY':>9}  SERVED BY"]
    for queue in shown:
        number = len(queue["processes"])
        served = _processes(number) if number else "NOBODY"
        marks = "".join([", paused" if queue["paused"] else "", "" if queue["registered"] else ", unregistered"])
        name = cut(printable(queue["name"]), space)
        lines.append(f"{name:<{space}}  {queue['size']:>10,}  {duration(queue['latency']):>9}  {served}{marks}")
    if len(found) > len(shown):
        lines.append(f"... and {len(found) - len(shown)} more queues")
    return lines


def _running(result: t.Mapping[str, t.Any], width: int) -> list[str]:
    longest = result["busy"][:_LONGEST]
    if not longest:
        return []
    lines = ["", "RUNNING LONGEST"]
    for work in longest:
        elapsed = "?" if work["elapsed"] is None else duration(work["elapsed"])
        what = printable(work["class"] or "?") + (f" ({printable(work['domain'])})" if work["domain"] else "")
        tail = f"  {printable(work['jid'] or '?')}"
        lines.append(f"{elapsed:>9}  {cut(what, max(10, width - 11 - len(tail)))}{tail}")
    return lines


def _block(findings: t.Sequence[t.Mapping[str, t.Any]], width: int) -> list[str]:
    """What one rule found; the fixes differ at most in the name of their subject."""
    first = findings[0]
    lines = wrapped(printable(f"{str(first['severity']).upper()} [{first['id']}]"), width, "")
    for finding in findings:
        lines += wrapped(printable(f"{finding['subject']}: {finding['summary']}"), width, "  ", "    ")
    return [*lines, *wrapped("-> " + printable(first["fix"]), width, "  ", "     ")]


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., str]]:
        return {"health_report": health_report}
