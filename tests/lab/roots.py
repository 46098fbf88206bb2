# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Debian roots to test on, without a container engine.

A root is built once by mmdebstrap and kept in the cache directory (`MASTODON_DEV_CACHE`, by default `.cache` of
the checkout). Programs of a root run by `command_in`, which leaves nothing behind: the root is read-only for
them, mounts live in a mount namespace of their own, and the process dies with the one that started it.

    python3 tests/lab/roots.py build bookworm trixie
    python3 tests/lab/roots.py run trixie redis-server --version
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGES = {
    "bookworm": ("redis-server", "ruby-sidekiq"),  # Redis 7.0, Sidekiq 6.4.1, Ruby 3.1
    "trixie": ("redis-server", "ruby-sidekiq", "valkey-server"),  # Redis 8.0, Sidekiq 7.3.2, Ruby 3.3, Valkey 8.1
}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PR_SET_PDEATHSIG = 1

# $1 is the root, then BIND=TARGET words up to "--", then the command. exec all along: the process keeps its pid.
_ENTER = """
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for dir in tmp run mnt; do mount -t tmpfs tmpfs "$root/$dir"; done
while [ "$1" != -- ]; do
  target=$root/${1#*=}
  mkdir -p "$target"
  mount --bind "${1%%=*}" "$target"
  shift
done
shift
exec chroot "$root" "$@"
"""


class RootsError(Exception):
    """A root cannot be built or entered; the text says what to do."""


def cache_dir() -> Path:
    """Where the roots are kept: `MASTODON_DEV_CACHE` or `.cache` of the checkout, plus `roots`."""
    checkout = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("MASTODON_DEV_CACHE") or checkout / ".cache").absolute() / "roots"


def ensure_root(suite: str) -> Path:
    """The root of a Debian suite, built first if it is not there or was built from another list of packages."""
    if suite not in PACKAGES:
        raise RootsError(f"No root is described for the suite {suite!r}; known are {', '.join(PACKAGES)}.")
    return build_root(suite, suite, PACKAGES[suite])


def build_root(name: str, suite: str, packages: Sequence[str], options: Sequence[str] = ()) -> Path:
    """The root of that name, built first if it is not there or was built from another recipe.

    `options` are more arguments of mmdebstrap; whoever gives some puts what they stand for into the name.
    """
    root, recipe = cache_dir() / name, " ".join(packages) + "\n"
    stamp = root.with_suffix(".stamp")
    if _read(stamp) == recipe:
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with _locked(root.with_suffix(".lock")):
        if _read(stamp) == recipe:  # another process has built it meanwhile
            return root
        _need_root(f"build the Debian {suite} root")
        _need_mmdebstrap()
        stamp.unlink(missing_ok=True)
        if root.exists():
            shutil.rmtree(root)
        include = ",".join(packages)
        print(f"Building a Debian {suite} root with {include} (about half a minute)", file=sys.stderr)
        # In namespaces of its own, so that an interrupted build leaves neither a process nor a mount below the root.
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        _run(*alone, "mmdebstrap", "--quiet", "--variant=minbase", f"--include={include}", *options, suite, str(root))
        stamp.write_text(recipe)
    return root


def command_in(
    root: Path,
    argv: Sequence[str],
    env: Mapping[str, str] | None = None,
    binds: Mapping[Path, str] | None = None,
    **popen: Any,
) -> subprocess.Popen[bytes]:
    """Start a program of a root and return it; its pid is the program's own.

    It sees the network of this machine, an empty `/tmp`, `/run` and `/mnt`, and each directory of `binds`
    (path here -> path there, below one of these three). Of the environment it gets what `env` names and no more.
    It leads a process group, and is killed when the thread that called this function ends.
    """
    _need_root("run a program in a Debian root")
    mounts = [f"{here}={there.lstrip('/')}" for here, there in (binds or {}).items()]
    libc, parent = ctypes.CDLL(None), os.getpid()

    def die_with_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the line above
            os.kill(os.getpid(), signal.SIGKILL)

    enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "enter", str(root)]
    return subprocess.Popen(
        [*enter, *mounts, "--", *argv],
        env={"PATH": SYSTEM_PATH, "HOME": "/tmp", "LANG": "C.UTF-8", **(env or {})},
        start_new_session=True,
        preexec_fn=die_with_parent,
        **popen,
    )


def stop(process: subprocess.Popen[bytes], timeout: float = 5.0) -> None:
    """End a process of `command_in` and its children: TERM, and KILL after `timeout` seconds."""
    for number, seconds in ((signal.SIGTERM, timeout), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break
    with contextlib.suppress(ProcessLookupError):  # a child that outlived it
        os.killpg(process.pid, signal.SIGKILL)


def _need_root(purpose: str) -> None:
    if os.geteuid() != 0:
        raise RootsError(f"Only root can {purpose}: run this as root, for example with sudo.")


def _need_mmdebstrap() -> None:
    if not shutil.which("mmdebstrap", path=SYSTEM_PATH):
        print("Installing mmdebstrap", file=sys.stderr)
        _run("apt-get", "-qq", "update")
        _run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", "mmdebstrap")


def _run(*argv: str) -> None:
    env = {**os.environ, "PATH": SYSTEM_PATH, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        raise RootsError(f"{argv[0]} is not installed; a Debian root can only be built on Debian.") from None
    if done.returncode:
        tail = "\n".join(done.stderr.decode(errors="replace").splitlines()[-10:])
        raise RootsError(f"{' '.join(argv)} ended with {done.returncode}:\n{tail}")


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(description="Build Debian roots, or run a program in one.")
    actions = parser.add_subparsers(dest="action", required=True)
    build = actions.add_parser("build", help="build the roots that are missing")
    build.add_argument("suites", nargs="+", choices=PACKAGES)
    run = actions.add_parser("run", help="run a program of a root")
    run.add_argument("suite", choices=PACKAGES)
    run.add_argument("argv", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    try:
        if args.action == "run":
            return command_in(ensure_root(args.suite), args.argv).wait()
        for suite in args.suites:
            print(ensure_root(suite))
    except RootsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
