# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of config/sidekiq.yml as they occur: in the shape of each release, and with all that admins write into them."""

from __future__ import annotations

import re

HEAD = """\
---
:concurrency: <%= ENV.fetch('SIDEKIQ_CONCURRENCY', 5) %>
:queues:
  - [default, 8]
  - [push, 6]
  - [ingress, 4]
  - [mailers, 2]
  - [pull]
  - [scheduler]
"""
SCHEDULE = """\
    scheduled_statuses_scheduler:
      every: '5m'
      class: Scheduler::ScheduledStatusesScheduler
      queue: scheduler
    indexing_scheduler:
      interval: 1 minute
      class: Scheduler::IndexingScheduler
      queue: scheduler
    vacuum_scheduler:
      cron: '<%= Random.rand(0..59) %> <%= Random.rand(3..5) %> * * *'
      class: Scheduler::VacuumScheduler
      queue: scheduler
    pghero_scheduler:
      cron: '0 0 * * *'
      class: Scheduler::PgheroScheduler
      queue: scheduler
"""
LISTENED = "\n:scheduler:\n  :listened_queues_only: true\n"
RELEASE_4_1 = f"{HEAD}{LISTENED}:schedule:\n{SCHEDULE.replace('    ', '  ', 1).replace(chr(10) + '  ', chr(10))}"
RELEASE_4_2 = f"{HEAD}{LISTENED}  :schedule:\n{SCHEDULE}"
RELEASE_4_3 = f"""{RELEASE_4_2}\
    auto_close_registrations_scheduler:
      interval: 1 hour
      class: Scheduler::AutoCloseRegistrationsScheduler
      queue: scheduler
"""
RELEASE_4_4 = RELEASE_4_3.replace("  - [scheduler]\n", "  - [scheduler]\n  - [fasp]\n")
RELEASE_4_6 = f"""{RELEASE_4_4}\
    trends_refresh_scheduler:
      every: ['5m', first_in: '4m']
      class: Scheduler::Trends::RefreshScheduler
      queue: scheduler
"""

ERB = """\
<%# how many threads this host takes %>
<%
  roomy = ENV['ROOMY'] == 'yes'
%>
---
:concurrency: <%= ENV['SIDEKIQ_CONCURRENCY'] || 5 %>   # threads
:timeout: <%= ENV.fetch("SIDEKIQ_TIMEOUT") { 20 } %>
:queues:
<%# the list %>
  - [default, <%= ENV.fetch('WEIGHT', '8').to_i %>]
  - [push, 6]
  - pull
<% if roomy %>
:tag: roomy
<% else %>
:tag: narrow
<% end %>
:labels:
<% 2.times do |number| %>
  - <%= "it's #{number}".inspect %>
<% end %>
:last: 'quoted <%= 1 + 1 %> text'
"""
TRIMMED = re.sub(r"(?m)^<% (.*) %>$", r"<%- \1 -%>", ERB)
CRLF = RELEASE_4_4.replace("\n", "\r\n")
ANCHORS = """\
---
:concurrency: 5
:queues: # everywhere the same
  - [default, 2]
  - [push, 2]
:shared: &shared
  :verbose: false
  :concurrency: 3
:production:
  <<: *shared
  :concurrency: 25
:staging: &staging
  <<: *shared
  :timeout: 9
:limits: &limits
  :push: 10
:others: *limits
"""
CAPSULES = """\
concurrency: 10
timeout: 25
capsules:
  slow:
    concurrency: 1
    queues:
      - pull
  other: { concurrency: 2, queues: [ mailers ] }
queues:
- default
- push
max_retries: 10
"""
COMMENTS = """\
# Sidekiq: what runs here
# :concurrency: 99 is what we had
--- # begins

# how many
'concurrency':    7      # not :concurrency: 8
"queues":   # the list, queues: as it is

  # first the fast
  - ["default",  8]      # [default, 7]
  - [ 'push' , 6 ]

  # then the slow
  - ['pull']             # - [pull, 3]
  # end of the list

# what is said of timeout: 5
verbose: false
text: |
  :concurrency: 1
  - [default, 1]

  timeout: 2
folded: >-
  :queues:
    - x
quoted: "timeout: 3
:concurrency: 4"
single: 'it''s
timeout: 5'
flow: [a, {b: c},
'timeout: 6', "d]"
]
plain: a text that
  goes "on and on
"""
SECTIONS = """\
---
:verbose: false
:concurrency: 5
:queues: [default, push]   # in brackets
production:
  concurrency: 25
  :queues:
    - [default, 8]
    - push,6
    - pull
:development:
    :timeout: 3

    # few threads
    :concurrency: 2
staging:
test:
  :concurrency:
  :queues: [[default, 2], [push, 1], pull]
"""
TABS = """\
---
:concurrency:\t5\t# threads
:timeout:\t\t25
:queues:\t# list
  - [default,\t8]\t# eight
  - [push,\t6]
  - [pull\t]
:text: |
  a\ttab

  end
:verbose: false
"""
NO_NEWLINE = """\
:queues:
  - [default, 8]
  - [push, 6]
  - [pull]
:verbose: false
:concurrency: 5"""
ITEMS_LAST = """\
:concurrency: 5
:queues:
  - default
  - push"""

TEXTS = {
    "4.1": RELEASE_4_1,
    "4.2": RELEASE_4_2,
    "4.3": RELEASE_4_3,
    "4.4 and 4.5": RELEASE_4_4,
    "4.6": RELEASE_4_6,
    "ERB": ERB,
    "ERB that trims": TRIMMED,
    "CRLF": CRLF,
    "anchors": ANCHORS,
    "capsules": CAPSULES,
    "comments": COMMENTS,
    "sections": SECTIONS,
    "tabs": TABS,
    "no final newline": NO_NEWLINE,
    "an item without a newline": ITEMS_LAST,
}
