# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sidekiq_config on a real file: owner, mode, links, git, backup, validation, and what it warns of."""

from __future__ import annotations

import os
import stat

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fediverse.mastodon.tests.redis import modules
from ansible_collections.fediverse.mastodon.tests.redis.sidekiq_ymls import CRLF, RELEASE_4_6, SECTIONS

OWNER, GROUP = (12345, 12345) if os.geteuid() == 0 else (os.getuid(), os.getgid())
"""Only root can give a file to somebody else."""
SYSTEMCTL = """#!/bin/sh
case "$*" in
*ExecStart*)
  echo "ExecStart={ path=/bin/bundle ; argv[]=/bin/bundle exec sidekiq -c 25 -q default -q push,2 ; ignore_errors=no ; pid=0 }"
  echo "TimeoutStopUSec=15s" ;;
*) echo "Environment=SIDEKIQ_CONCURRENCY=9" ;;
esac
"""


@pytest.fixture
def root(tmp_path):
    """A folder of Mastodon whose files belong to somebody."""
    path = tmp_path / "live" / "config" / "sidekiq.yml"
    path.parent.mkdir(parents=True)
    path.write_text(RELEASE_4_6)
    path.chmod(0o640)
    os.chown(path, OWNER, GROUP)
    return tmp_path / "live"


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """What Mastodon's own unit says, as there is no systemd where these tests run."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def run(root, check_mode=False, **options):
    return modules.run("sidekiq_config", check_mode, mastodon_root=str(root), **options)


@pytest.fixture
def warned(root, monkeypatch):
    """Runs the module and returns its warnings, which Ansible prints at once where a module runs within it."""
    said = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, warning: said.append(warning))

    def warnings(*positional, **options):
        said.clear()
        assert "failed" not in run(root, *positional, **options)
        return list(said)

    return warnings


def listing(root):
    return sorted(os.listdir(root / "config"))


def test_check_predicts_the_run_and_the_second_changes_nothing(root):
    path = root / "config" / "sidekiq.yml"
    checked = run(root, check_mode=True, concurrency=10, timeout=20)
    assert path.read_text() == RELEASE_4_6 and listing(root) == ["sidekiq.yml"]
    done = run(root, concurrency=10, timeout=20)
    assert done.keys() == checked.keys()
    assert all(done[key] == checked[key] for key in done.keys() - {"invocation"})
    assert done["changed"] and done["diff"]["after"] == path.read_text()
    assert done["after"]["concurrency"] == 10 and done["before"]["concurrency"] == 5
    second = run(root, concurrency=10, timeout=20)
    assert not second["changed"] and second.keys() == done.keys()
    assert second["diff"]["before"] == second["diff"]["after"] == ""


def test_owner_mode_line_ends_and_links_stay(root):
    path = root / "config" / "sidekiq.yml"
    path.write_bytes(CRLF.encode())
    link = root / "config" / "link.yml"
    link.symlink_to("sidekiq.yml")
    run(root, path=str(link), timeout=20)
    assert link.is_symlink()
    assert path.read_bytes() == CRLF.replace("5) %>\r\n", "5) %>\r\n:timeout: 20\r\n").encode()
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (OWNER, GROUP, 0o640)
    assert listing(root) == ["link.yml", "sidekiq.yml"]


def test_backup(root):
    assert run(root, check_mode=True, timeout=20, backup=True)["backup_file"] is None
    name = run(root, timeout=20, backup=True)["backup_file"]
    with open(name) as file:
        assert file.read() == RELEASE_4_6
    assert os.stat(name).st_uid == OWNER
    assert run(root, timeout=20, backup=True)["backup_file"] is None
    assert len(listing(root)) == 2


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_command_can_refuse_the_new_text(root, check_mode):
    said = run(root, check_mode, timeout=20, backup=True, validate="grep -q nothing-like-this %s")
    assert said["failed"] and "validate: the command ended with 1" in said["msg"]
    assert (root / "config" / "sidekiq.yml").read_text() == RELEASE_4_6 and listing(root) == ["sidekiq.yml"]
    assert run(root, check_mode, timeout=20, validate="grep -q ':timeout: 20' %s")["changed"]
    assert "%s" in run(root, timeout=21, validate="true")["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_cannot_be_edited_is_left_with_the_reason(root, check_mode):
    path = root / "config" / "sidekiq.yml"
    text = RELEASE_4_6.replace("ENV.fetch('SIDEKIQ_CONCURRENCY', 5)", "Etc.nprocessors")
    path.write_text(text)
    said = run(root, check_mode, concurrency=10)
    assert said["failed"] and not said["editable"] and path.read_text() == text
    assert (
        said["reason"] == "line 2: the value is made by ERB: <%= Etc.nprocessors %>" and said["reason"] in said["msg"]
    )
    seen = run(root, check_mode)
    assert not seen["changed"] and not seen["editable"] and seen["reason"] == said["reason"]
    assert seen["before"]["queues"][0] == {"name": "default", "weight": 8}
    assert run(root, check_mode, timeout=20)["changed"]  # that is another line
    path.write_bytes(b":concurrency: 5\n# caf\xe9\n")
    assert run(root, check_mode, concurrency=10)["reason"] == "line 2: is no UTF-8"


def test_a_change_by_another_is_not_undone(root, monkeypatch):
    path = root / "config" / "sidekiq.yml"
    program = root / "edit"
    program.write_text(f"#!/bin/sh\necho '# mine' >>{path}\n")
    program.chmod(0o755)
    said = run(root, timeout=20, validate=f"{program} %s")
    assert "changed by someone else" in said["msg"] and path.read_text() == RELEASE_4_6 + "# mine\n"


def made_by_root(kind):
    return pytest.param(kind, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device"))


@pytest.mark.parametrize("kind", ["directory", made_by_root("device"), "fifo", made_by_root("link to a device")])
def test_only_a_regular_file_is_edited(root, kind):
    path = root / "other"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # as /dev/null
    named = path
    if kind.startswith("link"):
        named = root / "link"
        named.symlink_to(path)
    before = os.lstat(path)
    said = run(root, path=str(named), timeout=20)
    assert said["failed"] and f"{named} is no regular file. Set path" in said["msg"]
    assert os.path.samestat(os.lstat(path), before)


def test_bad_options(root):
    (root / "loop.yml").symlink_to("loop.yml")
    for options, part in (
        ({"concurrency": 0}, "concurrency must be at least 1"),
        ({"timeout": -1}, "timeout must be at least 1"),
        ({"environment": "a b"}, "environment: 'a b'"),
        ({"queues": []}, "queues: an empty list"),
        ({"queues": ["a", "b", "a"]}, "queues: a is there 2 times"),
        ({"queues": [{"weight": 1}]}, "queues: an entry has a name"),
        ({"queues": [{"name": "a", "wait": 1}]}, "not wait"),
        ({"queues": [{"name": "a", "weight": 0}]}, "weight of a must be"),
        ({"queues": ["a,b"]}, "weight of a must be"),
        ({"queues": ["a b"]}, "'a b' is no name"),
        ({"queues": [{"name": 3}]}, "3 is no name"),
        ({"queues": ["a\u0007b"]}, r"'a\x07b' is no name"),
        ({"queues": ["a\ufeffb"]}, r"'a\ufeffb' is no name"),
        ({"queues": ["a<%%b"]}, "'a<%%b' is no name"),
        ({"queues": ["a", None]}, "a name or a dictionary, not None"),
        ({"queues": [True]}, "a name or a dictionary, not True"),
        ({"queues": [5]}, "a name or a dictionary, not 5"),
        ({"path": str(root / "no.yml")}, "There is no"),
        ({"path": str(root / "loop.yml")}, "cannot be read: Too many levels of symbolic links. Set path"),
        ({"path": str(root / "config" / "sidekiq.yml" / "a")}, "cannot be read: Not a directory. Set path"),
        (
            {"validate": "grep 'a %s", "timeout": 20},
            'validate: "grep \'a %s" cannot be run: No closing quotation. The file',
        ),
        (
            {"validate": "no-such-program %s", "timeout": 20},
            "'no-such-program %s' cannot be run: No such file or directory.",
        ),
    ):
        said = run(root, **options)
        assert said["failed"] and part in said["msg"], said


def test_what_makes_a_value_void_is_warned_of(root, warned, systemctl):
    command, variable = warned(concurrency=5)
    assert "-c 25, which wins" in command
    assert "SIDEKIQ_CONCURRENCY in mastodon-sidekiq.service, which wins" in variable
    (queues,) = warned(queues=["default"], check_mode=True)
    assert "-q default -q push,2, which wins" in queues
    (timeout,) = warned(timeout=15)
    assert "systemd kills mastodon-sidekiq.service 15 s after" in timeout
    assert warned(timeout=14) == warned() == []


def test_a_section_that_wins_is_warned_of(root, warned):
    (root / "config" / "sidekiq.yml").write_text(SECTIONS)
    (warning,) = warned(concurrency=9, timeout=9)
    assert warning.startswith("concurrency stands in the section production, too")
    assert warned(environment="production", concurrency=9) == []
