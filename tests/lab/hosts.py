# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw-away Debian hosts with a real systemd, by systemd-nspawn: Redis, Sidekiq as mastodon-sidekiq.service, PostgreSQL.

    ./dev lab up NAME... [--suite bookworm] [--postgresql] [--memory] [--bare] [--second]
    ./dev lab shell NAME COMMAND...
    ./dev lab down NAME...

Root on a Debian or Ubuntu is all it takes. A host is there in seconds and has nothing in common with another one but the
base; it is on a bridge of this checkout and reaches no other network. The file ssh_config of the lab's directory
(`./dev lab ssh-config` prints its path) is all that ssh and Ansible need to know.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import bases, cgroups, network
from lab.roots import SYSTEM_PATH, RootsError, _locked, cache_dir

CHECKOUT = Path(__file__).resolve().parents[2]
LAB = cache_dir().parent / "lab"
SSH_CONFIG = LAB / "ssh_config"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_BOOT, _SHUTDOWN = 300.0, 30.0
_OLD_CGROUPS = """
for c in memory pids; do mount -o remount,bind,rw /sys/fs/cgroup/$c; done
exec /sbin/init systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
"""


class LabError(Exception):
    """A host cannot be had; the text says why."""


@dataclass(frozen=True)
class Host:
    """A host as its host.json tells. `number` is the last one of its address; `pid` is systemd-nspawn's."""

    name: str
    suite: str
    number: int
    memory: bool
    pid: int = 0

    @property
    def directory(self) -> Path:
        return LAB / "hosts" / self.name

    @property
    def root(self) -> Path:
        return self.directory / "root"

    @property
    def network(self) -> network.Network:
        return network.of_checkout(CHECKOUT)

    @property
    def unit(self) -> str:
        """Its name on this machine, where those of other checkouts run too."""
        return self.network.namespace(self.number)

    @property
    def cgroups(self) -> list[Path]:
        return cgroups.directories(self.unit, self.memory)


def hosts() -> list[Host]:
    """Those that are up, or were when this machine was switched off."""
    files = sorted((LAB / "hosts").glob("*/host.json"))
    return [Host(**json.loads(file.read_text(encoding="utf-8"))) for file in files]


def up(names: Sequence[str], suite: str, postgresql: bool, memory: bool, bare: bool, second: bool = False) -> None:
    """Boot new hosts; return when they have a heartbeat of Sidekiq in Redis."""
    _need_tools()
    base = bases.base(suite)
    with _changing():
        _key()
        made = []
        for name in names:
            if not _NAME.fullmatch(name):
                raise LabError(f"{name!r} is no name for a host: small letters, digits and hyphens, a letter first.")
            _remove(name)
            made.append(_start(name, base, suite, memory, bare, second))
        _write_ssh_config()
    with ThreadPoolExecutor() as pool:
        list(pool.map(_wait_until_up, made))
        if second:
            list(pool.map(lambda host: ssh(host.name, _ready(bases.SECOND)), made))
        if postgresql:
            list(pool.map(lambda host: ssh(host.name, bases.database_script()), made))


def down(names: Sequence[str]) -> None:
    """Stop hosts, and take away all that there is of them."""
    with _changing():
        with ThreadPoolExecutor() as pool:
            list(pool.map(_shut_down, [host for host in hosts() if host.name in names]))
        for name in names:
            _remove(name)
        _write_ssh_config()


def ssh(name: str, script: str) -> str:
    """What a script prints on a host, as root. Raises LabError with its errors when it fails."""
    done = subprocess.run([*_ssh(name), script], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{name}: {script!r} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _ssh(name: str) -> list[str]:
    return ["ssh", "-F", str(SSH_CONFIG), name]


@contextlib.contextmanager
def _changing() -> Iterator[None]:
    LAB.mkdir(parents=True, exist_ok=True)
    with _locked(LAB / "lock"):
        yield


def _start(name: str, base: Path, suite: str, memory: bool, bare: bool, second: bool) -> Host:
    taken = {host.number for host in hosts()}
    number = next(number for number in range(11, 255) if number not in taken)
    host = Host(name, suite, number, memory)
    for part in ("upper", "work", "root"):
        (host.directory / part).mkdir(parents=True)
    upper, work = host.directory / "upper", host.directory / "work"
    layers = f"lowerdir={base},upperdir={upper},workdir={work}"
    _run("mount", "-t", "overlay", f"lab-{name}", "-o", layers, str(host.root))
    bases.furnish(host.root, name, (LAB / "key.pub").read_text(), bare, second)
    network.connect(host.network, number)
    cgroups.make(host.cgroups)
    booted = Host(name, suite, number, memory, _boot(host))
    (host.directory / "host.json").write_text(json.dumps(asdict(booted)), encoding="utf-8")
    return booted


def _boot(host: Host) -> int:
    old = cgroups.old_memory(host.memory)
    name = host.unit
    nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--directory={host.root}"]
    nspawn += [f"--machine={name}", f"--hostname={host.name}", f"--network-namespace-path=/run/netns/{name}"]
    nspawn += ["--resolv-conf=off", "--timezone=off", "--console=pipe"]
    nspawn += ["--kill-signal=SIGRTMIN+3", "/bin/sh", "-c", _OLD_CGROUPS] if old else ["--boot"]
    if cgroups.systemd_runs():
        nspawn = ["systemd-run", "--scope", "--quiet", "--property=Delegate=yes", f"--unit={name}", *nspawn]
    env = {"PATH": SYSTEM_PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "0" if old else "1"}
    groups = host.cgroups
    with (host.directory / "console.log").open("wb") as console:
        return subprocess.Popen(
            nspawn,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            preexec_fn=lambda: cgroups.enter(groups),
        ).pid


def _ready(instance: bases.Instance) -> str:
    """Commands that wait until an instance has a heartbeat in Redis."""
    return f"""
state=$(systemctl is-system-running --wait) || {{ echo "the system is $state"; systemctl --failed --no-legend; exit 1; }}
until redis-cli ping 2>/dev/null | grep -q PONG; do sleep .1; done
for i in $(seq 100); do [ "$(redis-cli -n {instance.redis_db} scard processes)" = 0 ] || exit 0; sleep .1; done
journalctl --no-pager -n 20 -u {instance.unit}; exit 1
"""


def _wait_until_up(host: Host) -> None:
    deadline = time.monotonic() + _BOOT
    knock = [*_ssh(host.name), "true"]
    while subprocess.run(knock, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline or not _runs(host):
            console = (host.directory / "console.log").read_text(errors="replace")
            raise LabError(f"{host.name} does not come up; the end of its console:\n{console[-2000:]}")
        time.sleep(0.1)
    ssh(host.name, _ready(bases.FIRST))


def _runs(host: Host) -> bool:
    """Whether the pid is still that of this host, and no zombie of it."""
    try:
        command = Path(f"/proc/{host.pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
    return b"systemd-nspawn" in command and str(host.root).encode() in command


def _shut_down(host: Host) -> None:
    """Switch it off. Nothing of it is wanted any more, and a clean end would wait for Sidekiq."""
    if cgroups.systemd_runs():
        subprocess.run(["systemctl", "kill", "--signal=KILL", f"{host.unit}.scope"], capture_output=True, check=False)
    cgroups.kill(host.cgroups)  # systemd-nspawn, and the init that outlives it
    deadline = time.monotonic() + _SHUTDOWN
    while host.pid and _runs(host) and time.monotonic() < deadline:
        time.sleep(0.02)


def _remove(name: str) -> None:
    """What is left of a host, also of one that came up only in part."""
    directory = LAB / "hosts" / name
    for host in [host for host in hosts() if host.name == name]:
        _shut_down(host)
        network.disconnect(host.network, host.number)
        cgroups.remove(host.cgroups)
    if os.path.ismount(directory / "root"):
        _run("umount", "--lazy", str(directory / "root"))
    if directory.exists():
        shutil.rmtree(directory)


def _key() -> None:
    if not (LAB / "key.pub").exists():
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(LAB / "key"))


def _write_ssh_config() -> None:
    lines = []
    for host in hosts():
        lines += [f"Host {host.name}", f"  HostName {host.network.address(host.number)}"]
    lines += ["Host *", "  User root", f"  IdentityFile {LAB}/key", "  IdentitiesOnly yes", "  LogLevel ERROR"]
    lines += ["  StrictHostKeyChecking no", "  UserKnownHostsFile /dev/null", "  ConnectTimeout 5", ""]
    fresh = SSH_CONFIG.with_suffix(".new")
    fresh.write_text("\n".join(lines), encoding="utf-8")
    fresh.replace(SSH_CONFIG)  # in one step: scenarios beside this one read it all the time


def _need_tools() -> None:
    if os.geteuid():
        raise LabError("Only root can boot a host: run this as root, for example with sudo.")
    packages = {"systemd-nspawn": "systemd-container", "ip": "iproute2", "ssh": "openssh-client"}
    missing = [package for tool, package in packages.items() if not shutil.which(tool, path=SYSTEM_PATH)]
    if missing:
        raise LabError(f"Needs {' '.join(missing)}: apt-get install {' '.join(missing)}")


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()}")


def main(arguments: Sequence[str]) -> int:
    """Run one action and return the exit status."""
    options = _options().parse_args(arguments)
    try:
        if options.action == "up":
            up(options.names, options.suite, options.postgresql, options.memory, options.bare, options.second)
        elif options.action == "down":
            down(options.names or [host.name for host in hosts()])
        elif options.action == "list":
            for host in hosts():
                state = "up" if _runs(host) else "down"
                print(host.name, host.network.address(host.number), host.suite, state, sep="\t")
        elif options.action == "ssh-config":
            print(SSH_CONFIG)
        else:
            words = options.command
            script = words if len(words) < 2 else [shlex.join(words)]  # one word is a script, for a shell there
            os.execvp("ssh", [*_ssh(options.name), *script])
    except (LabError, RootsError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev lab", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    actions = parser.add_subparsers(dest="action", required=True)
    boot = actions.add_parser("up", help="boot hosts, new ones in the place of old ones of the same names")
    boot.add_argument("names", nargs="+", metavar="NAME")
    boot.add_argument("--suite", choices=bases.SUITES, default=bases.SUITES[0])
    boot.add_argument("--postgresql", action="store_true", help="with the database mastodon_production")
    boot.add_argument(
        "--memory", action="store_true", help="with MemoryMax and MemoryCurrent where that needs cgroup v1"
    )
    boot.add_argument("--bare", action="store_true", help=f"without {' and '.join(bases.FOR_MODULES)}")
    boot.add_argument(
        "--second", action="store_true", help=f"with another Mastodon beside it: {bases.SECOND.unit}, Redis database 1"
    )
    stop = actions.add_parser("down", help="stop hosts, or all of this checkout")
    stop.add_argument("names", nargs="*", metavar="NAME")
    actions.add_parser("list", help="what is up, with addresses")
    actions.add_parser("ssh-config", help="the path of the file for ssh -F")
    shell = actions.add_parser("shell", help="a shell on a host, or one command there, as root")
    shell.add_argument("name", metavar="NAME")
    shell.add_argument("command", nargs=argparse.REMAINDER)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
