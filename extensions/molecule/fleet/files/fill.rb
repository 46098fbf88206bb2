# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# frozen_string_literal: true

# What both hosts hold: feeds, dead jobs, deliveries that wait to be retried tomorrow, and posts that are scheduled for tomorrow.
# With "ill" as argument also jobs that are due since twenty minutes, whose ids are printed.

require "securerandom"
require "/home/mastodon/live/lab/application.rb"
(Sidekiq.respond_to?(:default_configuration) ? Sidekiq.default_configuration : Sidekiq).logger.level = Logger::WARN

def job(name, queue, args, more = {})
  JSON.generate({"class" => name, "queue" => queue, "args" => args, "jid" => SecureRandom.hex(12), "retry" => true,
                 "created_at" => Time.now.to_f}.merge(more))
end

now = Time.now.to_f
failed = {"error_class" => "HTTP::TimeoutError", "error_message" => "no answer", "failed_at" => now - 900, "retry_count" => 2}
inbox = "https://gone.example/inbox"
Sidekiq.redis do |redis|
  redis.call("SET", "feed:home:1", SecureRandom.hex(6_000_000))
  300.times { |n| redis.call("ZADD", "dead", now - n, job("LinkCrawlWorker", "pull", ["x" * 1500], failed)) }
  3000.times do |n|
    redis.call("ZADD", "retry", now + 86_400 + n, job("ActivityPub::DeliveryWorker", "push", ["x" * 1500, 1, inbox], failed))
  end
  5.times { |n| redis.call("ZADD", "schedule", now + 86_400 + n, job("PublishScheduledStatusWorker", "default", [n])) }
  next unless ARGV.first == "ill"

  due = Array.new(4) { |n| job("PublishScheduledStatusWorker", "default", [n]) }
  retried = Array.new(4) { |n| job("LocalNotificationWorker", "default", [n], failed) }
  due.each { |text| redis.call("ZADD", "schedule", now - 1200, text) }
  retried.each { |text| redis.call("ZADD", "retry", now - 1200, text) }
  (due + retried).each { |text| puts JSON.parse(text)["jid"] }
end
