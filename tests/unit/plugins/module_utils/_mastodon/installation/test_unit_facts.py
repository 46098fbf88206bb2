# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of units from the field: what their Sidekiq runs with, or why nobody can know."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.units import Unit
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.unit_facts import (
    read_unit_facts,
)

from ..workers.hosts import STOCK, VERSION

YML = ":concurrency: 5\n:queues:\n  - [default, 8]\n  - [push, 6]\n  - scheduler\n"


@pytest.fixture
def live(tmp_path):
    """A folder with Mastodon's code."""
    root = tmp_path / "live"
    for path, text in (("config/sidekiq.yml", YML), ("lib/mastodon/version.rb", VERSION.format(4, 5))):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / ".env.production").write_text("DB_POOL=9\n")
    return root


def facts(live, text, name="mastodon-sidekiq.service", drop_ins=(), command="", directory=None):
    """A unit with this text. `drop_ins`: their texts."""
    stem, at, _rest = name.partition("@")
    path = live.parent / (f"{stem}@.service" if at else name)
    path.write_text(text.replace("/home/mastodon/live", str(live)))
    more = []
    for number, drop_in in enumerate(drop_ins):
        more.append(live.parent / f"{number}.conf")
        more[-1].write_text(drop_in)
    unit = Unit(name, command=command, directory=str(directory or live), path=str(path), drop_ins=tuple(map(str, more)))
    return read_unit_facts(unit, str(live))


def test_stock_unit(live):
    found = facts(live, STOCK)
    assert (found.effective.threads, found.effective.pool, found.effective.timeout) == (25, 25, 25)
    assert found.effective.queues == (("default", 8), ("push", 6), ("scheduler", None))
    assert found.config_path == str(live / "config/sidekiq.yml") and not found.written_by_role
    assert (found.environment["DB_POOL"].value, found.environment["DB_POOL"].source) == (
        "25",
        "mastodon-sidekiq.service",
    )


def test_environment_file_wins_over_environment(live, tmp_path):
    (tmp_path / "default").write_text("DB_POOL=40\nSECRET=x\n")
    found = facts(
        live, STOCK.replace("[Install]", f"EnvironmentFile=-{tmp_path}/default\nEnvironment=DB_POOL=3\n[Install]")
    )
    assert found.effective.pool == 40 and found.environment["DB_POOL"].source == f"{tmp_path}/default"


def test_drop_ins_and_variables_in_the_command(live):
    found = facts(
        live,
        STOCK.replace("-c 25", "-c ${DB_POOL}"),
        drop_ins=["[Service]\nEnvironment=DB_POOL=30\n", "[Service]\nEnvironment=\nEnvironment=DB_POOL=12\n"],
    )
    assert (found.effective.threads, found.effective.pool) == (12, 12)
    assert found.mentioned == {"DB_POOL"} and "RAILS_ENV" not in found.environment


@pytest.mark.parametrize(
    ("name", "line", "environment", "queues", "threads", "pool"),
    [
        ("mastodon-sidekiq@push.service", "-c 25 -q %i", "DB_POOL=25", (("push", None),), 25, 25),
        ("mastodon-sidekiq-default@25.service", "-c %i -q default", "DB_POOL=%i", (("default", None),), 25, 25),
    ],
)
def test_instances_of_templates(live, name, line, environment, queues, threads, pool):
    text = STOCK.replace("-c 25", line).replace('"DB_POOL=25"', environment)
    found = facts(live, text, name).effective
    assert (found.queues, found.threads, found.pool) == (queues, threads, pool)


def test_instance_with_an_environment_file_of_its_own(live, tmp_path):
    (tmp_path / "push.env").write_text("SIDEKIQ_THREADS=11\nSIDEKIQ_QUEUES='-q push -q ingress'\n")
    text = STOCK.replace("-c 25", "-c ${SIDEKIQ_THREADS} $SIDEKIQ_QUEUES").replace(
        "[Install]", f"EnvironmentFile={tmp_path}/%i.env\n[Install]"
    )
    found = facts(live, text, "mastodon-sidekiq@push.service").effective
    assert (found.threads, found.queues) == (11, (("push", None), ("ingress", None)))


def test_another_config_file(live):
    (live / "config/sidekiq-all.yml").write_text(":concurrency: 33\n:queues: [pull]\n:timeout: 8\n")
    found = facts(live, STOCK.replace("-c 25", "-C config/sidekiq-all.yml"))
    assert found.config_path == str(live / "config/sidekiq-all.yml")
    assert (found.effective.threads, found.effective.queues, found.effective.timeout) == (33, (("pull", None),), 8)


def test_a_config_file_that_is_not_there(live):
    found = facts(live, STOCK.replace("-c 25", "-c 25 -C config/none.yml")).effective
    assert found.threads == 25 and found.queues is None and "none.yml cannot be read" in found.unknown["queues"]


def test_a_folder_by_require(live):
    text = STOCK.replace("-c 25", "-c 4 -r /home/mastodon/live")
    found = facts(live, text, directory="/")
    assert found.config_path == str(live / "config/sidekiq.yml") and found.effective.queues[0] == ("default", 8)
    unit = Unit("x.service", command=f"/usr/bin/sidekiq -r {live}", directory="/")
    assert unit.root == str(live) and Unit("x.service", command="/usr/bin/sidekiq", directory="/srv").root == "/srv"


def test_capsules(live):
    (live / "config/sidekiq.yml").write_text(YML + ":capsules:\n  single:\n    :concurrency: 1\n    :queues: [fasp]\n")
    found = facts(live, STOCK).effective
    assert (found.threads, found.all_threads) == (25, 26) and ("fasp", None) in found.all_queues


@pytest.mark.parametrize(
    "line",
    [
        "/bin/bash -lc 'exec bundle exec sidekiq -c 25'",  # rvm
        "/usr/bin/env bash -c 'bundle exec sidekiq'",
        "/home/mastodon/live/bin/start-sidekiq",
        "/usr/local/bin/sidekiq-wrapper.sh 25",
    ],
)
def test_shells_and_scripts_are_not_guessed(live, line):
    found = facts(live, STOCK.replace("/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 25", line))
    assert found.effective.threads is None and "shell or a script" in found.effective.unknown["threads"]


def test_yunohost(live):
    """conf/mastodon-sidekiq.service of YNH-Apps/mastodon_ynh: another root, a PATH of its own, bin/bundle of the checkout."""
    text = STOCK.replace("/home/mastodon/.rbenv/shims/bundle", "/home/mastodon/live/bin/bundle").replace(
        'Environment="DB_POOL=25"', 'Environment="DB_POOL=25"\nEnvironment="PATH=/opt/rbenv/versions/3.4/bin:/usr/bin"'
    )
    assert facts(live, text, directory=live).effective.threads == 25


def test_nixos(live, tmp_path):
    """nixos/modules/services/web-apps/mastodon.nix: bin/sidekiq of the package, -r, the secrets in a file."""
    (tmp_path / "secrets_env").write_text("DB_PASS=x\n")
    text = (
        f'[Service]\nEnvironment="DB_POOL=25"\nEnvironmentFile={tmp_path}/secrets_env\n'
        f"ExecStart=/nix/store/abc-mastodon/bin/sidekiq -q scheduler -q pull -c 25 -r {live}\nWorkingDirectory={live}\n"
    )
    found = facts(live, text, "mastodon-sidekiq-all.service").effective
    assert (found.threads, found.pool, found.queues) == (25, 25, (("scheduler", None), ("pull", None)))


def test_two_commands(live):
    found = facts(live, STOCK.replace("TimeoutSec", "ExecStart=/bin/true\nTimeoutSec")).effective
    assert "2 ExecStart= lines" in found.unknown["threads"]


def test_a_container(live):
    found = read_unit_facts(Unit("x.service", command="/usr/bin/podman run live sidekiq"), str(live)).effective
    assert "container" in found.unknown["queues"]


def test_a_unit_without_a_file_is_read_as_systemd_shows_it(live):
    found = read_unit_facts(Unit("x.service", command="/usr/bin/sidekiq -c 4", directory=str(live)), str(live))
    assert found.files is None and found.effective.threads == 4 and found.effective.pool == 9


def test_files_that_may_not_be_read(live):
    (live / ".env.production").unlink()
    (live / ".env.production").mkdir()
    assert ".env.production" in facts(live, STOCK.replace('Environment="DB_POOL=25"\n', "")).effective.unknown["pool"]
