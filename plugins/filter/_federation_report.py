# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runbook for federation found, as text for a terminal."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.humanize import duration, size
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.text import printable
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.terminal import cut, wrapped

DOCUMENTATION = r"""
name: _federation_report
short_description: "[INTERNAL] What the runbook for federation found, as a report for a terminal"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.federation_rescue#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - What was found - C(host), C(look) of the filter P(fediverse.mastodon._federation_look#filter), C(retry), C(details) (results of
        M(fediverse.mastodon.sidekiq_job_info) by server), C(servers) of M(fediverse.mastodon.remote_server_info), C(logs), lines by server, C(units)
        (those of RV(fediverse.mastodon.mastodon_info#module:workers)), C(killed), lines, and C(left_alone) and C(plan), sentences.
    type: dictionary
    required: true
  width:
    description: Columns of the terminal.
    type: int
    default: 79
"""

EXAMPLES = r"""
- name: Print what was found
  fediverse.mastodon.report:
    text: "{{ {'host': inventory_hostname, 'look': look, 'retry': retry} | fediverse.mastodon._federation_report }}"
"""

RETURN = r"""
_value:
  description: The report.
  type: string
"""

_ROWS = 8
_LONGEST_LINE = 300


@in_a_sentence
def _federation_report(found: t.Mapping[str, t.Any], width: int = 79) -> str:
    """See DOCUMENTATION."""
    width = max(40, int(width))
    look, retry = found["look"], found["retry"]
    lines = [f"== {printable(found['host'])} ".ljust(width, "="), *_holders(look), "", *_failing(retry)]
    servers = {server["domain"]: server for server in found.get("servers") or ()}
    for domain in look["closely"]:
        details = (found.get("details") or {}).get(domain)
        log = (found.get("logs") or {}).get(domain) or ()
        lines += ["", printable(domain), *_closely(servers.get(domain), details, log, width)]
    lines += ["", *_host(found), *_skipped(look["skipped"], width)]
    for sentence in found.get("left_alone") or ():
        lines += wrapped(printable(sentence), width, "", "  ")
    for sentence in found.get("plan") or ():
        lines += wrapped(printable(sentence), width, "-> ", "   ")
    return "\n".join(line if line.startswith("  | ") else cut(line, width) for line in lines).rstrip()


def _holders(look: t.Mapping[str, t.Any]) -> list[str]:
    if not look["holders"]:
        return [f"No thread is held by a job for another server ({look['busy']} busy)."]
    lines = ["THREADS  STUCK    OLDEST  WHO HOLDS THEM"]
    for one in look["holders"][:_ROWS]:
        age = duration(one["oldest"])
        lines.append(f"{one['threads']:>7}  {one['stuck']:>5}  {age:>8}  {printable(one['domain'])}")
    return [*lines, *_more(look["holders"])]


def _failing(retry: t.Mapping[str, t.Any]) -> list[str]:
    if not retry["total"]:
        return ["Nothing waits to be retried."]
    lines = [f"   JOBS  WHAT FAILS ({retry['total']:,} jobs wait to be retried)"]
    domains, errors = list(retry["by_domain"].items()), list(retry["by_error"].items())
    lines += [f"{count:>7,}  {printable(domain)}" for domain, count in domains[:_ROWS]] + _more(domains)
    return lines + [f"{count:>7,}  {printable(error)}" for error, count in errors[:_ROWS]] + _more(errors)


def _more(rows: t.Sequence[t.Any]) -> list[str]:
    return [f"         and {len(rows) - _ROWS} more"] if len(rows) > _ROWS else []


def _closely(
    server: t.Mapping[str, t.Any] | None, details: t.Mapping[str, t.Any] | None, log: t.Sequence[str], width: int
) -> t.Iterator[str]:
    if server:
        yield from wrapped(f"seen from here: {_answer(server)}", width, "  ", "    ")
    if details:
        yield f"  jobs: {_counts(details['by_queue'])}" if details["total"] else "  no jobs in these queues"
        if details["by_error"]:
            yield f"  errors: {_counts(details['by_error'])}"
    for line in log:
        yield f"  | {printable(line, _LONGEST_LINE)}"


def _answer(server: t.Mapping[str, t.Any]) -> str:
    if not server["ok"]:
        return printable(f"fails at {server['failed_at']}: {server['reason']}")
    took = sum(seconds or 0.0 for seconds in server["seconds"].values())
    days = server["certificate_days"]
    until = f", certificate good for {days:.0f} days" if days is not None else ""
    return printable(f"answers in {took:.1f} s: {server['software']} {server['version']}{until}")


def _host(found: t.Mapping[str, t.Any]) -> list[str]:
    lines = []
    for unit in found.get("units") or ():
        if unit["state"] == "inactive":
            continue
        memory = "" if unit["memory"] is None else f", {size(unit['memory'])}"
        lines.append(f"{printable(unit['name'])}: {unit['state']}, restarted {unit['restarts']} times{memory}")
    lines += [f"  | {printable(line, _LONGEST_LINE)}" for line in found.get("killed") or ()]
    return lines or ["No units of systemd that could be looked at."]


def _skipped(names: t.Sequence[str], width: int) -> list[str]:
    if not names:
        return []
    count = "1 name" if len(names) == 1 else f"{len(names):,} names"
    text = f"Skipped {count} in jobs that no server can have, such as {printable(names[0], 40)}"
    return wrapped(text, width, "", "  ")


def _counts(counts: t.Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {printable(name)}" for name, count in list(counts.items())[:_ROWS])


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., str]]:
        return {"_federation_report": _federation_report}
