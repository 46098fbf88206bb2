# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that we print, ready to paste: with the inventory, the limit, the connection and the variables of this run.

Works on the command line of this run as Ansible has parsed it (`ansible.context.CLIARGS`). A secret is never printed: the
file or the option that it came from is named instead, or a note says what to give again.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import tempfile
import typing as t
from dataclasses import dataclass

import yaml
from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv
from ansible.utils.path import unfrackpath

WIDTH: t.Final = 110
SECRET: t.Final = re.compile(r"(?i)pass|token|secret|credential|private|(?:^|_)key$")
_USER_IN_URL: t.Final = re.compile(r"://[^/\s]*@")
_PLAIN: t.Final = re.compile(r"[\w./:@,+?=&%~-]+", re.ASCII)
_TEMPLATE: t.Final = re.compile(r"\{[{%#]")
_RUNNER: t.Final = ("/runner", "/tmp", "/var/tmp", "/dev/shm", "/run/user")
_RUNNER_VARIABLES: t.Final = ("AWX_PRIVATE_DATA_DIR", "AWX_ISOLATED_DATA_DIR")
"""Where AWX and ansible-runner say that they keep the files of one job (ansible_runner/config)."""

_VALUES: t.Final = (
    ("-c", "connection", "DEFAULT_TRANSPORT"),
    ("-u", "remote_user", "DEFAULT_REMOTE_USER"),
    ("-T", "timeout", ""),
    ("--ssh-common-args", "ssh_common_args", ""),
    ("--sftp-extra-args", "sftp_extra_args", ""),
    ("--scp-extra-args", "scp_extra_args", ""),
    ("--ssh-extra-args", "ssh_extra_args", ""),
    ("--become-method", "become_method", "DEFAULT_BECOME_METHOD"),
    ("--become-user", "become_user", "DEFAULT_BECOME_USER"),
)
_SWITCHES: t.Final = (
    ("-b", "become"),
    ("-K", "become_ask_pass"),
    ("-k", "ask_pass"),
    ("-J", "ask_vault_pass"),
)
_FILES: t.Final = (
    ("--private-key", "private_key_file", "DEFAULT_PRIVATE_KEY_FILE"),
    ("--become-password-file", "become_password_file", "BECOME_PASSWORD_FILE"),
    ("--connection-password-file", "connection_password_file", "CONNECTION_PASSWORD_FILE"),
)

Words = tuple[str, ...]


@dataclass(frozen=True)
class Variables:
    """What the run was given with -e. `words`: to be given again; `notes`: what cannot be, and why."""

    words: tuple[Words, ...] = ()
    notes: tuple[str, ...] = ()


def playbook(
    name: str, variables: t.Mapping[str, t.Any], wanted: t.Callable[[str], bool], switches: t.Sequence[str] = ()
) -> str:
    """The command that runs a playbook over the hosts of this run, as this run was started.

    `variables`: its own, each as it is and never as a template; `wanted`: which variables that this run was given belong to the
    playbook, too. Notes stand on lines of their own after the command.
    """
    cli = context.CLIARGS
    inventory, notes = _inventories(cli)
    flags, more = _flags(cli)
    given = _given(cli, wanted, variables)
    own = [("-e", _assigned(key, value)) for key, value in variables.items()]
    groups = [("ansible-playbook",), *inventory, *flags, *given.words, (name,), *own]
    return "\n".join(
        [laid_out([*groups, *(tuple(switch.split(" ")) for switch in switches)]), *notes, *more, *given.notes]
    )


def again(variables: t.Mapping[str, t.Any], check: bool) -> str:
    """The command that runs the same playbook once more, with all variables of this run but those that are given here."""
    [name, *_others] = context.CLIARGS.get("args") or [""]
    tags = [tag for tag in context.CLIARGS.get("tags") or () if tag != "all"]
    skipped = context.CLIARGS.get("skip_tags") or ()
    switches = [f"--tags={','.join(tags)}"] if tags else []
    switches += [f"--skip-tags={','.join(skipped)}"] if skipped else []
    switches += ["--check --diff"] if check else []
    return playbook(_absolute(name) if os.path.exists(name) else str(name), variables, lambda _name: True, switches)


def quoted(word: str) -> str:
    """A word for a shell, on one line: what is no sign that can be seen stands in the $'...' of bash, zsh and ksh."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_escaped, word)) + "'"


def laid_out(groups: t.Sequence[Words]) -> str:
    """Words in groups that stay together: on one line, or each group on its own where they are long."""
    parts = [" ".join(map(quoted, group)) for group in groups]
    line = " ".join(parts)
    return line if len(line) <= WIDTH else " \\\n  ".join(parts)


def _escaped(sign: str) -> str:
    if sign in "\\'":
        return "\\" + sign
    return sign if sign.isprintable() else "".join(f"\\x{byte:02x}" for byte in sign.encode("utf-8", "surrogateescape"))


def _inventories(cli: t.Mapping[str, t.Any]) -> tuple[list[Words], list[str]]:
    words: list[Words] = []
    notes = []
    for source in cli.get("inventory") or ():
        if "," not in source and _is_fleeting(_absolute(source)):
            notes.append(
                f"The inventory {quoted(source)} is in a folder for temporary files or of this job alone. The command does not"
                " name it: add -i with your inventory."
            )
        else:
            words.append(("-i", source if "," in source else _absolute(source)))
    if cli.get("subset"):
        words.append(("-l", _file_or_text(cli["subset"])))
    return words, notes


def _flags(cli: t.Mapping[str, t.Any]) -> tuple[list[Words], list[str]]:
    words: list[Words] = [
        (flag, str(cli[name]))
        for flag, name, default in _VALUES
        if cli.get(name) is not None and cli[name] != getattr(C, default, None)
    ]
    words += [(flag,) for flag, name in _SWITCHES if cli.get(name)]
    files = [
        (flag, cli[name]) for flag, name, default in _FILES if cli.get(name) not in (None, getattr(C, default, None))
    ]
    files += [("--vault-password-file", path) for path in cli.get("vault_password_files") or ()]
    notes = []
    for flag, path in files:
        if _is_fleeting(path):
            notes.append(_fleeting_file(path, flag))
        else:
            words.append((flag, path))
    for identity in cli.get("vault_ids") or ():
        label, at, path = identity.rpartition("@")
        if os.path.exists(path) and _is_fleeting(_absolute(path)):
            notes.append(_fleeting_file(path, "--vault-id"))
        else:
            words.append(("--vault-id", f"{label}{at}{_absolute(path) if os.path.exists(path) else path}"))
    return words, notes


def _given(cli: t.Mapping[str, t.Any], wanted: t.Callable[[str], bool], own: t.Mapping[str, t.Any]) -> Variables:
    """Files of variables as a whole; of variables that were typed those that are wanted and hold no secret."""
    words: list[Words] = []
    notes = []
    for text in map(str, cli.get("extra_vars") or ()):
        if text.startswith("@"):
            path = _absolute(text[1:])
            if _is_fleeting(path):
                notes.append(_fleeting_file(path, "-e @FILE"))
            else:
                words.append(("-e", f"@{path}"))
            continue
        for name, value in _typed(text).items():
            if name in own or not wanted(name):
                continue
            if is_secret(name, value):
                notes.append(f"{quoted(name)} holds a secret, so the command does not show it: give it again with -e.")
            else:
                words.append(("-e", _assigned(name, value, as_template=True)))
    return Variables(tuple(words), tuple(dict.fromkeys(notes)))


def _typed(text: str) -> dict[str, t.Any]:
    """The variables of one -e, as Ansible reads it (ansible/utils/vars.py, `load_extra_vars`)."""
    try:
        found = yaml.safe_load(text) if text.lstrip()[:1] in ("{", "[") else parse_kv(text)
    except (AnsibleError, yaml.YAMLError):
        return {}
    return {str(name): value for name, value in found.items()} if isinstance(found, dict) else {}


def is_secret(name: str, value: t.Any) -> bool:
    """Whether a variable holds a secret itself: one that says where to find it, by a template, does not."""
    if isinstance(value, dict):
        return any(is_secret(str(key), item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return any(is_secret(name, item) for item in value)
    if not isinstance(value, str) or not value or value.lstrip().startswith("{{"):
        return False
    named = SECRET.search(name) and not name.endswith(("_file", "_path"))
    return bool(named or _USER_IN_URL.search(value) or (value.lstrip()[:1] in "{[" and SECRET.search(value)))


def _assigned(name: str, value: t.Any, as_template: bool = False) -> str:
    """What follows -e. A value of our own may hold what strangers wrote: Ansible must not take it for a template."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and name.isidentifier():
        return f"{name}={value}"
    packed = json.dumps(value, ensure_ascii=False)
    if as_template or not _TEMPLATE.search(packed):
        return f"{{{json.dumps(name)}: {packed}}}"
    if not isinstance(value, str):
        raise ValueError(f"{name} holds what Ansible would take for a template")
    return f"{{{json.dumps(name)}: !unsafe {json.dumps(value)}}}"


def _file_or_text(text: str) -> str:
    return f"@{_absolute(text[1:])}" if text.startswith("@") else text


def _absolute(path: str) -> str:
    """The path as Ansible reads it."""
    return str(unfrackpath(path, follow=False))


def _is_fleeting(path: str) -> bool:
    """Whether a file is likely to be gone, or another one, when the command is pasted."""
    folders = [*_RUNNER, tempfile.gettempdir(), *filter(None, map(os.environ.get, _RUNNER_VARIABLES))]
    return any(os.path.commonpath([path, os.path.abspath(folder)]) == os.path.abspath(folder) for folder in folders)


def _fleeting_file(path: str, option: str) -> str:
    return (
        f"The file {quoted(path)} is in a folder for temporary files or of this job alone. The command does not name it: add"
        f" {option} with yours."
    )
