# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What people type into a Ruby console to delete the jobs of a class; prints its seconds without the start of Ruby.
require "sidekiq"
require "sidekiq/api"
Sidekiq.configure_client { |config| config.redis = { url: ARGV[0] } }
Sidekiq.redis { |connection| connection.llen("queue:push") }
began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
count = 0
Sidekiq::Queue.new("push").each do |job|
  next unless job.klass == ARGV[1]
  job.delete
  count += 1
end
puts [Process.clock_gettime(Process::CLOCK_MONOTONIC) - began, count].join(" ")
