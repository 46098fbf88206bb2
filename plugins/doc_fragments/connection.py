# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Redis is: the options that every module has."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  mastodon_root:
    description:
      - The folder with the code of Mastodon on the machine where the task runs.
      - Unless one of O(redis_url), O(redis_host), O(redis_socket) or O(redis_sentinels) is set, the Redis of Sidekiq is the
        one that Mastodon itself uses. It is found as Mastodon finds it, by the rules of the release in this folder, from the
        environment of the task, the environment of O(systemd_unit), and the files C(.env.production.local), C(.env.local),
        C(.env.production) and C(.env) in this folder. Those files are parsed and never executed.
      - If it is not set, the value of the environment variable E(MASTODON_ROOT) is used.
    type: path
    default: /home/mastodon/live
  systemd_unit:
    description:
      - The systemd unit of Sidekiq. What C(Environment=) and C(EnvironmentFile=) set there is stronger than the files in
        O(mastodon_root), as it is for Mastodon.
    type: str
    default: mastodon-sidekiq.service
  redis_url:
    description:
      - The URL of the Redis of Sidekiq. C(redis://[[USER:]PASSWORD@]HOST[:PORT][/DB]), C(rediss://) with the same parts for TLS,
        or C(unix:///PATH[?db=DB]) for a socket.
      - Characters such as C(/), C(@), C(#) or C(%) in a user name or password must be percent-encoded. O(redis_username),
        O(redis_password) and O(redis_db) can say what the URL leaves out.
      - Mutually exclusive with O(redis_host), O(redis_socket) and O(redis_sentinels).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_URL) is used.
    type: str
  redis_host:
    description:
      - The name or address of the host where the Redis of Sidekiq runs.
      - Mutually exclusive with O(redis_url), O(redis_socket) and O(redis_sentinels).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_HOST) is used.
    type: str
  redis_port:
    description:
      - The port of Redis on O(redis_host). Without it V(6379).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_PORT) is used.
    type: int
  redis_db:
    description:
      - The number of the database. Without it V(0).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_DB) is used.
    type: int
  redis_username:
    description:
      - The ACL user to log in as. Without it the default user of Redis.
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_USERNAME) is used.
    type: str
  redis_password:
    description:
      - The password to log in with.
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_PASSWORD) is used.
    type: str
  redis_socket:
    description:
      - The absolute path of the Unix socket of Redis on the machine where the task runs.
      - Mutually exclusive with O(redis_url), O(redis_host) and O(redis_sentinels).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_SOCKET) is used.
    type: path
  redis_sentinels:
    description:
      - The sentinels that know the Redis of Sidekiq, each as C(HOST) or C(HOST:PORT). The port of a sentinel is V(26379)
        unless it is given. They are asked in this order.
      - Mutually exclusive with O(redis_url), O(redis_host) and O(redis_socket).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_SENTINELS) is used, with commas between the
        sentinels.
    type: list
    elements: str
  redis_sentinel_service:
    description:
      - The name by which O(redis_sentinels) know the master.
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_SENTINEL_SERVICE) is used.
    type: str
    default: mymaster
  redis_sentinel_username:
    description:
      - The ACL user to log in as at O(redis_sentinels).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_SENTINEL_USERNAME) is used.
    type: str
  redis_sentinel_password:
    description:
      - The password to log in with at O(redis_sentinels). O(redis_password) is for Redis alone.
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_SENTINEL_PASSWORD) is used.
    type: str
  redis_tls:
    description:
      - Whether to use TLS with O(redis_host) or O(redis_sentinels). A O(redis_url) says so itself with C(rediss://).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_TLS) is used.
    type: bool
  redis_tls_ca:
    description:
      - The file with the certificates (PEM) of the authorities to trust, on the machine where the task runs. Without it those
        of the system.
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_TLS_CA) is used.
    type: path
  redis_tls_cert:
    description:
      - The file with the certificate (PEM) to show to Redis. Needs O(redis_tls_key).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_TLS_CERT) is used.
    type: path
  redis_tls_key:
    description:
      - The file with the private key (PEM) of O(redis_tls_cert).
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_TLS_KEY) is used.
    type: path
  redis_tls_verify:
    description:
      - Whether the certificate of Redis must be trusted and be for the host that is connected to.
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_TLS_VERIFY) is used.
    type: bool
    default: true
  key_prefix:
    description:
      - What stands before every key of Sidekiq, as C(REDIS_NAMESPACE) does up to Mastodon 4.3. A colon at the end is added when
        it is missing.
      - Without it the namespace that Mastodon's settings say, if any. Set it to an empty string for none.
      - If it is not set, the value of the environment variable E(FEDIVERSE_KEY_PREFIX) is used.
    type: str
  redis_connect_timeout:
    description:
      - The number of seconds to wait for a connection, at most a day.
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_CONNECT_TIMEOUT) is used.
    type: float
    default: 5.0
  redis_timeout:
    description:
      - The number of seconds to wait for the answer to a command, at most a day.
      - If it is not set, the value of the environment variable E(FEDIVERSE_REDIS_TIMEOUT) is used.
    type: float
    default: 30.0
requirements:
  - redis-py 3.5 or newer (C(python3-redis) of Debian, C(redis) of PyPI) for the Python that runs the module
"""
