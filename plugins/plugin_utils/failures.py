# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a filter says that it cannot use what it was given."""

from __future__ import annotations

import functools
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import SidekiqError
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.text import printable

C = t.TypeVar("C", bound=t.Callable[..., t.Any])


def in_a_sentence(function: C) -> C:
    """The filter, failing with one sentence where a playbook gives it what it cannot use.

    Raises AnsibleFilterError: with the words of a SidekiqError, and else with the name of the filter before them.
    """

    @functools.wraps(function)
    def told(*args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            return function(*args, **kwargs)
        except SidekiqError as failure:
            raise AnsibleFilterError(printable(failure)) from failure
        except (ArithmeticError, ValueError) as failure:
            raise AnsibleFilterError(printable(f"{function.__name__}: {failure}")) from failure
        except (AttributeError, LookupError, TypeError) as failure:
            raise AnsibleFilterError(
                f"{function.__name__}: what it was given is not of the shape that is documented ({failure!r})."
            ) from None  # else Ansible would add the failure a second time

    return t.cast(C, told)
