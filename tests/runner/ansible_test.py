# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test on a copy of the collection, without containers and downloads other than Python packages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from runner import checkout, environment, process
from runner.place import CACHE, NAME, NAMESPACE
from runner.say import Failed
from runner.venvs import Core, Venv

_HOME = CACHE / "home"
_STAND_IN = Path(__file__).resolve().parent / "get_pip_stand_in.py"
# What pip and git look up in the user's home.
_SHARED = (".cache", ".config", ".gitconfig", ".netrc", ".pip")


def sanity(core: Core, log: Path) -> None:
    """All sanity tests, with every Python found as a target."""
    _run(core, log, "sanity", "--local")


def units(core: Core, log: Path) -> None:
    """tests/unit, in ansible-test's own way: modules and module_utils see nothing of the controller's code."""
    _run(core, log, "units", "--local", "--python", _python_version(core.venv()))


def integration(core: Core, log: Path) -> None:
    """tests/integration/targets, on this machine."""
    _run(core, log, "integration", "--local", "--continue-on-error", "--python", _python_version(core.venv()))


def _run(core: Core, log: Path, *arguments: str) -> None:
    venv = core.venv()
    root = CACHE / "ansible-test" / core.name / "ansible_collections" / NAMESPACE / NAME
    checkout.copy_to(root, keep=Path("tests/output"))
    env = environment.for_venv(venv)
    env["HOME"] = str(_home(venv))
    # Otherwise it finds the checkout's git repository further up, where this copy is ignored.
    env["ANSIBLE_TEST_CONTENT_ROOT"] = str(root)
    process.run([str(venv.bin / "ansible-test"), *arguments, "--color", "no"], log=log, env=env, cwd=root)


def _home(venv: Venv) -> Path:
    """A home of its own, where ansible-test finds what it would download to install pip."""
    cache = _HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in _SHARED:
        link, original = _HOME / name, Path.home() / name
        if original.exists() and not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(original)
    [source] = venv.path.glob("lib/python*/site-packages/ansible_test/_internal/python_requirements.py")
    versions = set(re.findall(r"""\bpip=['"]([\d.]+)['"]""", source.read_text(encoding="utf-8")))
    if not versions:
        raise Failed(f"this ansible-test does not say which pip it installs: {source}")
    for version in versions:
        target = cache / f"get_pip_{version.replace('.', '_')}.py"
        target.write_bytes(_STAND_IN.read_bytes())
    return _HOME


def _python_version(venv: Venv) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([str(venv.python), "-c", code], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
