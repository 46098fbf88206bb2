# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room for archives on real file systems, with a real PostgreSQL; and the role, which deletes what no row needs."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from ansible_collections.fediverse.mastodon.tests.redis import modules

MIB = 1 << 20
ARCHIVE = "archive-20260903060145-0123456789abcdef0123456789abcdef.zip"
PLAY = """
- name: Room for archives
  hosts: localhost
  gather_facts: false
  roles:
    - role: fediverse.mastodon.export_storage
"""


@pytest.fixture
def root(tmp_path, postgres):
    """Mastodon's folder, whose settings name the database and a small file system in memory as TMPDIR."""
    live, temporary = tmp_path / "live", tmp_path / "temporary"
    for path in (live, temporary):
        path.mkdir()
    mount("-t", "tmpfs", "-o", "size=20m,nr_inodes=100,noexec", "tmpfs", temporary)
    write_settings(live, **postgres.variables(), TMPDIR=str(temporary))
    yield live
    subprocess.run(["umount", "--lazy", temporary], check=True)


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def write_settings(live, **variables):
    lines = [
        f"{name}='{value}'\n" if "'" not in value else f"{name}={quoted(value)}\n" for name, value in variables.items()
    ]
    (live / ".env.production").write_text("".join(lines))


def quoted(value):
    """Between double quotes, as dotenv reads it."""
    escaped = value
    for sign in '\\"$':
        escaped = escaped.replace(sign, "\\" + sign)
    return f'"{escaped}"'


def look(root, **options):
    result = modules.run("export_storage_info", mastodon_root=str(root), **options)
    assert "failed" not in result, result
    return result


def ids(result):
    return [(problem["id"], problem["severity"]) for problem in result["problems"]]


def keep(root, number, name=ARCHIVE, days=30.0, size=1000):
    """A file of an archive, so many days old."""
    path = root / "public" / "system" / "backups" / "dumps" / "000" / "000" / f"{number:03d}" / "original" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    then = time.time() - days * 86400
    os.utime(path, (then, then))
    return path


def test_where_archives_are_built_and_kept(root, tmp_path):
    found = look(root)
    assert found["database"], found["database_reason"]
    build, keep_place = found["build"], found["keep"]
    assert build["path"] == build["mount_point"] == build["host_path"] == str(tmp_path / "temporary")
    assert (build["filesystem"], build["in_memory"], build["variable"], build["read_only"]) == (
        "tmpfs",
        True,
        "TMPDIR",
        False,
    )
    assert "noexec" in build["mount_options"] and build["total_bytes"] == 20 * MIB and build["inodes"] == 100
    assert keep_place["path"] == str(root / "public" / "system") and keep_place["service"] == "local"
    statvfs = os.statvfs(root)
    assert abs(keep_place["free_bytes"] - statvfs.f_bavail * statvfs.f_frsize) < 64 * MIB
    assert not found["same_disk"] and ids(found) == [("build_in_memory", "warning")]
    assert found["estimate"] == estimate(None, None, None, None)


def estimate(basis, media, build, fits):
    most = None if media is None else 2 * media
    return {"basis": basis, "build_bytes": build, "build_bytes_at_most": most, "keep_bytes": media, "fits": fits}


def test_the_estimate(root, postgres):
    alice = postgres.add_user("alice", [4 * MIB, MIB])
    postgres.add_user("bob", [9 * MIB])
    largest = look(root)["estimate"]
    assert largest == estimate("largest_account", 9 * MIB, 12268340, True)
    postgres.add_backup(alice)
    pending = look(root)["estimate"]
    assert pending == estimate("pending", 5 * MIB, 6815744, True)
    postgres.clear()
    postgres.add_backup(postgres.add_user("carol"), file=ARCHIVE, size=30 * MIB)
    archive = look(root)
    assert archive["estimate"] == estimate("largest_archive", 30 * MIB, 39 * MIB, False)
    assert ids(archive)[0] == ("archive_does_not_fit", "critical")
    assert "20 MiB are free" in archive["problems"][0]["message"] and "39 MiB" in archive["problems"][0]["message"]


def test_space_inodes_and_files_that_are_deleted_but_open(root, tmp_path):
    (tmp_path / "temporary" / "some").write_bytes(b"x" * 6 * MIB)
    assert ids(look(root)) == [("build_in_memory", "warning")]
    code = f"import os; f = open('{tmp_path}/temporary/gone', 'wb'); f.write(b'x' * (12 << 20)); f.flush()"
    code += "; os.unlink(f.name); print('ready', flush=True); input()"
    holder = subprocess.Popen(["python3", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"ready\n"
        found = look(root)
        assert ids(found) == [
            ("deleted_but_open", "warning"),
            ("build_space", "warning"),
            ("build_in_memory", "warning"),
        ]
        (process,) = [one for one in found["deleted_open"]["processes"] if one["bytes"]]
        assert process["pid"] == holder.pid and process["bytes"] == 12 * MIB and process["command"].startswith("python")
        assert found["build"]["used_percent"] == 90.0
        assert ("build_space", "warning") not in ids(look(root, threshold=95))
    finally:
        holder.communicate(b"\n", timeout=120)
    for number in range(85):
        (tmp_path / "temporary" / str(number)).touch()
    assert ids(look(root)) == [("build_inodes", "warning"), ("build_in_memory", "warning")]


def test_a_read_only_directory(root, tmp_path):
    """Ruby takes it nevertheless, and each archive fails (seen on a host, in extensions/molecule/export_storage)."""
    mount("-o", "remount,ro", tmp_path / "temporary")
    found = look(root)
    assert found["build"]["path"] == str(tmp_path / "temporary") and found["build"]["read_only"]
    assert ids(found)[0] == ("build_read_only", "critical")


def test_elsewhere(root, postgres):
    write_settings(root, **postgres.variables(), PAPERCLIP_ROOT_PATH="/srv/no such/place", TMPDIR="/no-such")
    found = look(root)
    assert found["keep"]["path"] == "/srv/no such/place" and found["keep"]["total_bytes"]
    assert found["build"]["path"] == "/tmp" and ("tmpdir_unusable", "warning") in ids(found)
    write_settings(root, **postgres.variables(), S3_ENABLED="true")
    found = look(root)
    assert found["keep"]["service"] == "s3" and found["keep"]["path"] is None and found["same_disk"] is None


def files(root, postgres):
    """Files that are needed or may be, and one that is not."""
    user = postgres.add_user("alice")
    number = postgres.add_backup(user, file=ARCHIVE)
    other = ARCHIVE.replace("0123", "9876")
    spare = keep(root, number, other)
    kept = [
        keep(root, number),
        keep(root, number + 1, other, days=13.9),
        keep(root, number + 2, "notes.txt"),
        keep(root, number + 3, "archive-2026-old.zip"),
    ]
    link = kept[-1].with_name(other)
    link.symlink_to(kept[-1].name)
    os.utime(link, (0, 0), follow_symlinks=False)
    return spare, [*kept, link]


def test_files_that_no_row_needs(root, postgres):
    spare, kept = files(root, postgres)
    found = look(root)
    assert [(one["path"], one["bytes"]) for one in found["unneeded"]] == [(str(spare), 1000)]
    assert found["unneeded"][0]["age_days"] == 30.0 and found["unneeded_bytes"] == 1000
    assert found["archives"] == {"files": 3, "bytes": 3000, "other_files": 3}
    assert len(look(root, keep_days=1)["unneeded"]) == 2
    assert look(root, database="never")["unneeded"] == []
    write_settings(root, DB_HOST="127.0.0.1", DB_PORT="1")
    unread = look(root)
    assert unread["unneeded"] == [] and not unread["database"] and "PostgreSQL" in unread["database_reason"]
    assert all(path.exists() for path in (spare, *kept))


def test_options_that_cannot_be_used(root):
    for options, part in (
        ({"threshold": 0}, "threshold is a percentage"),
        ({"keep_days": 0}, "keep_days must be at least 1"),
        ({"mastodon_root": "/no-such"}, "There is no /no-such"),
    ):
        said = modules.run("export_storage_info", **{"mastodon_root": str(root), **options})
        assert said["failed"] and part in said["msg"]


def play(root, tmp_path, *words, **variables):
    """Run the role; what it printed, and whether it succeeded."""
    (tmp_path / "play.yml").write_text(PLAY)
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "play.yml", *words]
    for name, value in {"mastodon_root": root, **variables}.items():
        command += ["-e", f"export_storage_{name}={value}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout + done.stderr, done.returncode == 0


def test_the_role(root, postgres, tmp_path):
    spare, kept = files(root, postgres)
    said, fine = play(root, tmp_path, "--check", prune="true")
    assert fine and "changed=1" in said and spare.exists(), said
    assert "unneeded  1 file, 1000 Bytes" in said and "WARNING [build_in_memory]" in said, said
    said, fine = play(root, tmp_path, prune="true", fail_on="warning")
    assert not fine and "changed=3" in said and "Archives are built in memory" in said, said
    assert not spare.exists() and all(path.exists() for path in kept)
    (root / ".env.production").unlink()
    said, fine = play(root, tmp_path, prune="true")
    assert not fine and "changed=0" in said and "Mastodon's database is not known" in said, said
    assert all(path.exists() for path in kept)


@pytest.mark.parametrize("tmpdir", ["usable", "missing"])
def test_both_modules_name_the_same_room(root, scratch_redis, redis_process, tmpdir):
    """Ruby passes over a TMPDIR that is not there, and builds in /tmp."""
    if tmpdir == "missing":
        settings = (root / ".env.production").read_text(encoding="utf-8")
        (root / ".env.production").write_text(f"{settings}TMPDIR='{root}/not-there'\n", encoding="utf-8")
    storage = look(root)
    exports = modules.run("export_info", mastodon_root=str(root), redis_url=redis_process.url, database="never")
    assert "failed" not in exports, exports
    assert exports["space"]["build"]["path"] == ("/tmp" if tmpdir == "missing" else str(root.parent / "temporary"))
    for name, room in exports["space"].items():
        assert (room["path"], room["total_bytes"]) == (storage[name]["path"], storage[name]["total_bytes"])
