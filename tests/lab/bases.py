# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test host is before it boots: a Debian with the packages of a Mastodon server, and what a server's home holds.

All packages come into the base, installed or as files in apt's cache, so that no test needs a network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.roots import SYSTEM_PATH, build_root

SUITES = ("trixie", "bookworm")  # Redis 8.0, Sidekiq 7.3.2, PostgreSQL 17; Redis 7.0, Sidekiq 6.4.1, PostgreSQL 15
FOR_MODULES = ("python3-redis", "python3-jmespath")
"""What the modules import; a bare host lacks it until it is installed again, from apt's cache."""

_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "python3", "python3-apt"),
    *("ca-certificates", "git", "iproute2", "procps"),
    *("redis-server", "ruby-sidekiq", "libjemalloc-dev", "postgresql"),
    *FOR_MODULES,
)
_ONLY_IN_CACHE = (*FOR_MODULES, "python3-psycopg2", "python3-venv")
_HOOKS = (
    'chroot "$1" useradd --create-home --shell /bin/bash mastodon',
    'chroot "$1" systemctl --quiet disable postgresql',
    'chroot "$1" apt-get -qq clean',
    f'chroot "$1" apt-get -qq --yes --no-install-recommends --reinstall --download-only install {" ".join(_ONLY_IN_CACHE)}',
)
_OPTIONS = ("--skip=cleanup/apt", *(f"--customize-hook={hook}" for hook in _HOOKS))
_WHEELS = "redis>=5", "jmespath", "async-timeout"
_HOST = Path(__file__).resolve().parent / "host"
_WORKER = _HOST.parents[1] / "conformance/ruby/worker.rb"


def base(suite: str) -> Path:
    """The base of a suite. Its name tells the recipe: a new one never takes the ground from under a host that runs."""
    recipe = hashlib.sha256("\n".join((*_PACKAGES, *_OPTIONS, *_WHEELS)).encode()).hexdigest()
    return build_root(f"host-{suite}-{recipe[:6]}", suite, _PACKAGES, (*_OPTIONS, _wheels_hook()))


def _wheels_hook() -> str:
    """Leaves what a virtual environment would install from PyPI in /opt/wheels."""
    pip = f"{sys.executable} -m pip download --quiet --disable-pip-version-check --only-binary=:all: --dest"
    return f"""--customize-hook={pip} "$1/opt/wheels" {" ".join(f"'{wheel}'" for wheel in _WHEELS)}"""


_RUBY = dict.fromkeys(("enqueue", "account"), "#!/usr/bin/env ruby\n")
"""What begins a program in Ruby, which ansible-test allows in no file."""


@dataclass(frozen=True)
class Instance:
    """A Mastodon on a host: the user in whose home it lies, its unit of Sidekiq, and its database in Redis."""

    user: str
    unit: str
    redis_db: int = 0

    @property
    def home(self) -> str:
        return f"/home/{self.user}"


FIRST = Instance("mastodon", "mastodon-sidekiq.service")
SECOND = Instance("mastodon2", "mastodon-sidekiq-second.service", redis_db=1)
"""The one of somebody else on the same host. Its unit has a name that a search for those of the first one finds too."""


def furnish(root: Path, name: str, key: str, bare: bool, second: bool = False) -> None:
    """Make a copy of the base the host of that name: Mastodon's home, its unit, and the key that lets us in.

    With `second` there is another instance of Mastodon beside it.
    """
    (root / "etc/machine-id").unlink(missing_ok=True)
    (root / "etc/machine-id").write_text("")
    (root / "etc/hostname").write_text(f"{name}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {name}\n::1 localhost\n")
    _put(key, root / "root/.ssh/authorized_keys", 0o600)
    (root / "root/.ssh").chmod(0o700)
    if bare:
        _chroot(root, "dpkg", "--purge", "--force-depends", *FOR_MODULES)
        for package in FOR_MODULES:  # Python could import a folder that is left with its compiled files
            folder = root / "usr/lib/python3/dist-packages" / package.removeprefix("python3-")
            shutil.rmtree(folder, ignore_errors=True)
    for source, target, mode in (
        (_HOST / "schema.sql", root / "opt/schema.sql", 0o644),
        (_HOST / "enqueue", root / "usr/local/bin/enqueue", 0o755),
        (_HOST / "account", root / "usr/local/bin/account", 0o755),
    ):
        _put(_RUBY.get(source.name, "") + source.read_text(encoding="utf-8"), target, mode)
    _install(root, FIRST)
    if second:
        _chroot(root, "useradd", "--create-home", "--shell", "/bin/bash", SECOND.user)
        _install(root, SECOND)


def _install(root: Path, instance: Instance) -> None:
    """Put the files of an instance into its home, and let systemd start its Sidekiq."""
    home = root / instance.home.lstrip("/")
    live = home / "live"
    for source, target, mode in (
        (_HOST / "env.production", live / ".env.production", 0o640),
        (_HOST / "sidekiq.yml", live / "config/sidekiq.yml", 0o644),
        (_HOST / "application.rb", live / "lab/application.rb", 0o644),
        (_WORKER, live / "lab/worker.rb", 0o644),
        (_HOST / "bundle", home / ".rbenv/shims/bundle", 0o755),
        (_HOST / "mastodon-sidekiq.service", root / "etc/systemd/system" / instance.unit, 0o644),
    ):
        _put(_of(instance, source.read_text(encoding="utf-8")), target, mode)
    (live / "public/system").mkdir(parents=True)
    _chroot(root, "chown", "--recursive", f"{instance.user}:{instance.user}", instance.home)
    _chroot(root, "systemctl", "--quiet", "enable", instance.unit)


def _of(instance: Instance, text: str) -> str:
    """The text of a file of the first instance as another one has it."""
    if instance == FIRST:
        return text
    text = text.replace(f"{FIRST.home}/", f"{instance.home}/").replace(
        f"User={FIRST.user}\n", f"User={instance.user}\n"
    )
    text = text.replace("LOCAL_DOMAIN=social.example\n", f"LOCAL_DOMAIN={instance.user}.example\n")
    return text.replace("REDIS_PORT=6379\n", f"REDIS_PORT=6379\nREDIS_DB={instance.redis_db}\n")


def _put(text: str, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)


def _chroot(root: Path, *command: str) -> None:
    chroot = shutil.which("chroot", path=SYSTEM_PATH) or "chroot"
    env = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": "/root"}
    done = subprocess.run([chroot, str(root), *command], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)} ended with {done.returncode} in {root}: {done.stderr.strip()}")


def database_script() -> str:
    """Commands for a host that is up: PostgreSQL with Mastodon's database."""
    return os.linesep.join(
        (
            "set -e; cd /",
            "systemctl enable --now --quiet postgresql",
            "until sudo -u postgres psql -qc 'SELECT 1' >/dev/null 2>&1; do sleep .1; done",
            "sudo -u postgres createuser mastodon",
            "sudo -u postgres createdb --owner=mastodon mastodon_production",
            "sudo -u mastodon psql -q mastodon_production -f /opt/schema.sql",
        )
    )
