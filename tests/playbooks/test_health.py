# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/health.yml as its users run it: ansible-playbook, real servers, make-believe instances."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import re

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import heartbeat, server, situations
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

ROOT = pathlib.Path(__file__).resolve().parents[2]
PERSISTENT = ("--save", "3600 1", "--shutdown-on-sigterm", "nosave")
UNREACHABLE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
REFUSED = {"redis_url": "redis://:s3cret@127.0.0.1:1/0"}
TROUBLE = [
    ("CRITICAL", "domain_holds_threads"),
    ("CRITICAL", "job_running_long"),
    ("CRITICAL", "retries_not_moving"),
    ("CRITICAL", "scheduled_not_moving"),
    ("CRITICAL", "recurring_overdue"),
    ("CRITICAL", "queue_late"),
    ("WARNING", "export_retrying"),
    ("WARNING", "export_duplicated"),
    ("WARNING", "export_waiting"),
    ("WARNING", "domain_fills_retry"),
    ("WARNING", "ghost_processes"),
    ("WARNING", "locks_orphaned"),
]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run of the playbook ended, and all that it printed."""

    status: int
    text: str

    @property
    def report(self) -> str:
        """What the task Report printed."""
        report: str
        [report] = re.findall(
            r"^TASK \[Print the report\] \*+\n\n(.*?)\n\n?(?:ok|changed|fatal): \[", self.text, re.DOTALL | re.MULTILINE
        )
        return report

    def part(self, host: str) -> str:
        """The part of the report about one host."""
        [part] = [part for part in re.split(r"^(?=== )", self.report, flags=re.MULTILINE) if f"== {host} " in part]
        return part

    @property
    def hosts(self) -> list[str]:
        """The hosts in the order of the report."""
        return re.findall(r"^== (\S+) ", self.report, re.MULTILINE)

    def recap(self, host: str) -> dict[str, int]:
        """What Ansible counted for a host in the end."""
        [line] = re.findall(rf"^{host} +: (.*)$", self.text, re.MULTILINE)
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)}


@pytest.fixture
def health(tmp_path, ansible_playbook):
    """Runs the playbook over hosts, given as their variables by name."""

    def run(hosts: dict[str, dict], *arguments: str, **variables: object) -> Outcome:
        inventory = tmp_path / "hosts.json"
        local = {"ansible_connection": "local"}
        inventory.write_text(
            json.dumps({"all": {"hosts": {name: {**local, **own} for name, own in hosts.items()}}}), encoding="utf-8"
        )
        name = "fediverse.mastodon.health"
        done = ansible_playbook(name, "-i", str(inventory), *arguments, variables=variables, never=["s3cret"])
        return Outcome(*done)

    return run


@pytest.fixture
def instance():
    """Makes an instance of Mastodon with a Redis of its own and returns its URL and a client."""
    with contextlib.ExitStack() as stack:

        def make(name: str, *options: str, alive: bool = True):
            running = stack.enter_context(server.running(*(options or PERSISTENT)))
            client = stack.enter_context(contextlib.closing(running.client()))
            processes = situations.SITUATIONS[name](client, scale=0.2)
            if alive:
                stack.enter_context(heartbeat.kept_alive(client, processes))
            return running.url, client

        yield make


@pytest.fixture
def sound(instance):
    """The URL of an instance with which nothing is wrong."""
    return instance("healthy")[0]


@pytest.fixture
def troubled(instance):
    """The URL of an instance with which much is wrong."""
    return instance("trouble")[0]


def blocks(report):
    """Severity and rule of what a report lists, in its order."""
    return re.findall(r"^(CRITICAL|WARNING|NOTICE) \[(\w+)\]$", report, re.MULTILINE)


def without_figures(report):
    """A report without what changes from one second to the next."""
    return [re.sub(r"[\d.,:]+( (s|min|h|d)\b)?", "#", line).split() for line in report.splitlines()]


def everything(client):
    """All that a server holds, but for the moments of heartbeats; of what expires only that it does."""
    dump = load_vector.dump(client)
    return {
        key: (entry["type"], entry["ttl_ms"] is None, heartbeat.timeless(entry["value"])) for key, entry in dump.items()
    }


def test_nothing_is_wrong(health, sound):
    outcome = health({"social.example": {}}, redis_url=sound)
    assert outcome.status == 0
    assert outcome.report.splitlines()[0].split() == ["==", "social.example", "=" * 52, "all", "well"]
    assert outcome.report.endswith("\nNothing is wrong.")
    assert not blocks(outcome.report)
    assert "1 process (0 dead), 3 of 25 threads busy" in outcome.report
    assert re.search(r"^pull +3 +\d+ s  1 process$", outcome.report, re.MULTILINE)
    recap = outcome.recap("social.example")
    assert (recap["ok"], recap["skipped"], sum(recap.values())) == (3, 0, 3)
    assert "[WARNING]" not in outcome.text


def test_much_is_wrong(health, troubled):
    outcome = health({"social.example": {}}, redis_url=troubled)
    assert outcome.status == 0, "unless health_fail_on says otherwise"
    assert blocks(outcome.report) == TROUBLE
    assert outcome.report.count("\n  -> ") == len(TROUBLE)
    assert re.search("^RUNNING LONGEST\n +40 min  ActivityPub::DeliveryWorker", outcome.report, re.MULTILINE)
    assert "queue push: 4,800 jobs" in outcome.report
    assert re.search(r"^== social.example =+ 9 critical, 9 warning$", outcome.report, re.MULTILINE)
    assert max(map(len, outcome.report.splitlines())) <= 79
    assert "/inbox" not in outcome.text, "an argument of a job"
    assert outcome.recap("social.example")["changed"] == 0


def test_the_report_is_as_wide_as_asked(health, troubled):
    widths = [
        max(map(len, health({"social.example": {}}, redis_url=troubled, health_width=width).report.splitlines()))
        for width in ("60", 110)
    ]
    assert widths[0] <= 60
    assert 100 < widths[1] <= 110


FAILS = [
    ("critical", "critical", 1),
    ("warning", "critical", 0),
    ("warning", "warning", 1),
    ("notice", "warning", 0),
    ("notice", "notice", 1),
    ("none", "notice", 0),
    ("critical", "never", 0),
]
"""The worst that a host has, from which severity on it fails, and whether it does."""
WHY = {"critical": "No Sidekiq process", "warning": "a restart of Redis loses", "notice": "no job"}


@pytest.fixture
def each_severity(instance):
    """URLs of instances by the worst that is wrong with them."""
    critical, without_processes = instance("healthy", alive=False)
    without_processes.delete("processes")
    notice, with_something_else = instance("healthy")
    with_something_else.zadd("retry", {b"this is no job": 4e9})
    return {
        "critical": critical,
        "warning": instance("healthy", "--save", "")[0],
        "notice": notice,
        "none": instance("healthy")[0],
    }


def test_it_fails_from_the_severity_on_that_is_asked_for(health, each_severity):
    hosts = {
        f"{worst}-{fail_on}.example": {"redis_url": each_severity[worst], "health_fail_on": fail_on}
        for worst, fail_on, _failed in FAILS
    }
    outcome = health(hosts)
    assert outcome.status == 2, outcome.text
    for (worst, _fail_on, failed), host in zip(FAILS, hosts):
        found = {severity for severity, _rule in blocks(outcome.part(host))}
        assert found == {worst.upper()} - {"NONE"}, host
        assert outcome.recap(host)["failed"] == failed, host
        said = re.findall(rf"^fatal: \[{host} -> localhost\]: .*", outcome.text, re.MULTILINE)
        assert len(said) == failed and all(WHY[worst] in line for line in said), host


@pytest.mark.parametrize(("worst", "fail_on", "status"), [("warning", "warning", 2), ("warning", "critical", 0)])
def test_the_status_of_one_host(health, each_severity, worst, fail_on, status):
    outcome = health({"social.example": {}}, redis_url=each_severity[worst], health_fail_on=fail_on)
    assert outcome.status == status, outcome.text


@pytest.mark.parametrize("unknown", ["severe", "", 3])
def test_an_unknown_severity_is_refused_before_anything_is_read(health, sound, unknown):
    outcome = health({"a.example": {}, "b.example": {}}, redis_url=sound, health_fail_on=unknown)
    assert outcome.status == 2
    assert f"health_fail_on is {unknown}; it must be critical, warning, notice or never." in outcome.text
    assert "TASK [Read Sidekiq]" not in outcome.text


def test_check_mode_gives_the_same_report(health, troubled):
    hosts = {"social.example": {"redis_url": troubled}}
    real, checked = health(hosts), health(hosts, "--check", "--diff")
    assert without_figures(checked.report) == without_figures(real.report)
    assert blocks(checked.report) == TROUBLE
    assert checked.status == 0
    assert health(hosts, "--check", health_fail_on="critical").status == 2


def test_redis_is_the_same_afterwards(health, instance):
    url, client = instance("trouble")
    before = everything(client)
    assert health({"social.example": {}}, redis_url=url).status == 0
    assert everything(client) == before
    assert len(before) > 50


def test_of_two_hosts_the_worse_comes_first(health, sound, troubled):
    hosts = {"a.example": {"redis_url": sound}, "b.example": {"redis_url": troubled}}
    outcome = health(hosts, health_fail_on="critical")
    assert outcome.hosts == ["b.example", "a.example"]
    assert outcome.part("a.example").rstrip().endswith("Nothing is wrong.")
    assert blocks(outcome.part("b.example")) == TROUBLE
    assert outcome.status == 2
    assert [outcome.recap(name)["failed"] for name in ("a.example", "b.example")] == [0, 1]


@pytest.mark.parametrize("first", ["unreachable", "good"])
def test_hosts_that_cannot_be_read_do_not_hide_the_others(health, troubled, first):
    hosts = {"good.example": {"redis_url": troubled}, "gone.example": UNREACHABLE, "refused.example": REFUSED}
    if first == "unreachable":
        hosts = dict(reversed(hosts.items()))
    outcome = health(hosts)
    assert outcome.status == 0
    assert outcome.hosts == ["good.example", "gone.example", "refused.example"]
    assert blocks(outcome.part("good.example")) == TROUBLE
    assert re.match("== gone.example =+ unreachable\n  .*", outcome.part("gone.example"))
    assert "Connection refused" in outcome.part("gone.example")
    assert re.match("== refused.example =+ could not be read\n  ", outcome.part("refused.example"))
    refused = " ".join(outcome.part("refused.example").split())
    assert "Redis at 127.0.0.1:1 db 0 (from redis_url) refuses connections: nothing listens there." in refused
    assert max(map(len, outcome.report.splitlines())) <= 79


def test_hosts_that_cannot_be_read_fail_when_failing_is_asked_for(health, sound):
    hosts = {"gone.example": UNREACHABLE, "good.example": {"redis_url": sound}, "refused.example": REFUSED}
    outcome = health(hosts, health_fail_on="critical")
    assert outcome.status == 2
    assert [outcome.recap(name)["failed"] for name in hosts] == [1, 0, 1]
    assert "Not read: Redis at 127.0.0.1:1 db 0" in outcome.text
    assert outcome.hosts == ["gone.example", "refused.example", "good.example"]


def test_options_of_the_module_take_effect(health, troubled):
    large = {"queue_latency": {}, "queue_latency_other": 1e6, "queue_size_warning": 10**6, "queue_size_critical": 10**6}
    limits = {**large, "busy_warning": 10**6, "busy_critical": 10**6}
    hosts = {"social.example": {"redis_url": "redis://127.0.0.1:1"}}
    outcome = health(hosts, sidekiq_options={"redis_url": troubled}, health_options=limits)
    gone = {"queue_late", "job_running_long", "export_waiting"}
    assert blocks(outcome.report) == [block for block in TROUBLE if block[1] not in gone]


def test_an_option_that_there_is_not_is_named(health, sound):
    outcome = health({"social.example": {}}, redis_url=sound, health_options={"queue_latencies": {"pull": 1}})
    assert "could not be read" in outcome.report.splitlines()[0]
    assert "queue_latencies" in outcome.report


@pytest.mark.parametrize("playbook", ["health", "export_schedule", "federation_rescue"])
def test_the_inventory_of_the_readme_is_for_all_playbooks(ansible_playbook, tmp_path, troubled, playbook):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [inventory] = re.findall(r"^```yaml\n(mastodon:\n.*?)^```", readme, re.MULTILINE | re.DOTALL)
    (tmp_path / "inventory.yml").write_text(inventory, encoding="utf-8")
    here = {"ansible_connection": "local", "ansible_become": False, "redis_url": troubled}
    outcome = Outcome(
        *ansible_playbook(
            f"fediverse.mastodon.{playbook}",
            *("-i", "inventory.yml", "--limit", "small.example,large.example", "--check"),
            variables={**here, "federation_rescue_probe": False, "federation_rescue_log": False},
        )
    )
    assert outcome.status == 0, outcome.text
    assert "Unsupported parameters" not in outcome.text
    assert not any(outcome.recap(name)["failed"] for name in ("small.example", "large.example"))
    if playbook == "health":
        assert ("WARNING", "export_waiting") in blocks(outcome.part("small.example"))
        assert ("WARNING", "export_waiting") not in blocks(outcome.part("large.example")), "its limits are higher"


def test_some_hosts_can_be_chosen(health, sound):
    hosts = {name: {"redis_url": sound} for name in ("a.example", "b.example", "c.example")}
    assert health(hosts, health_hosts="b.example:c.example").hosts == ["b.example", "c.example"]
    assert health(hosts, "--limit", "c.example").hosts == ["c.example"]
