# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# frozen_string_literal: true

# Enqueues jobs of mixed classes through Sidekiq::Client, one in ten of them for later, and prints the jid of each.
#
#   producer.rb COUNT [SEED [JOBS_PER_SECOND]]
#
# COUNT 0 goes on until TERM. The same seed gives the same classes and arguments. As fast as possible without a rate.

require_relative "worker"

SLICE = 50
count, seed, rate = ARGV.map(&:to_i)
jids = $stdout.dup
$stdout.reopen($stderr) # Sidekiq's client logs to standard output when it connects

random = Random.new(seed || 1)
stopped = false
trap("TERM") { stopped = true }
made = 0
started = Process.clock_gettime(Process::CLOCK_MONOTONIC)

until stopped || (count.positive? && made >= count)
  size = count.positive? ? [SLICE, count - made].min : SLICE
  name = Lab::WORKERS.keys.sample(random: random)
  bulk = {"class" => Object.const_get(name), "args" => Array.new(size) { |index| Lab.arguments(name, made + index) }}
  bulk["at"] = Time.now.to_f + 3600 + random.rand(86_400) if random.rand(10).zero?
  jids.puts(Sidekiq::Client.push_bulk(bulk))
  jids.flush
  made += size
  ahead = rate.to_i.positive? ? (made.to_f / rate) - (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started) : 0
  sleep(ahead) if ahead.positive?
end
