# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# frozen_string_literal: true

# Mastodon's worker classes by name, queue, retry options and argument layout; what they do is up to the test.
# Runs on Sidekiq 6.4.1 and 7.3.2: `sidekiq -r worker.rb`, or required by the other files of this folder.
#
# An order is `sleep SECONDS`, `hang`, `until KEY` (ends once Redis has this key), `socket` (waits for a peer that never
# answers), `spin` (computes and never ends), `eat MEGABYTES` (and keeps them), `fail ERROR_CLASS MESSAGE`, or
# `timeout SECONDS ERROR_CLASS` (fails after that time). It is looked for
#   1. in the last argument, as text that begins with "lab:",
#   2. in the Redis hash lab:orders, under the jid,
#   3. there, under the class.
# Without one the job does nothing and succeeds. With LAB_JOURNAL set, the jid of each finished job is pushed to the list lab:performed.

require "json"
require "sidekiq"
require "socket"

module Lab
  HOUR = 3600
  EATEN = []

  # The constant of that name, made on first use: modules around it, `made` itself.
  def self.constant(name, &made)
    *modules, base = name.split("::")
    space = modules.inject(Object) do |outer, inner|
      outer.const_defined?(inner, false) ? outer.const_get(inner) : outer.const_set(inner, Module.new)
    end
    space.const_defined?(base, false) ? space.const_get(base) : space.const_set(base, made.call)
  end

  def self.define(name, options)
    constant(name) do
      Class.new do
        include Sidekiq::Job
        include Obedient
        sidekiq_options(**options)
        # A retry must stay in its set for as long as any test lasts.
        sidekiq_retry_in { |count| HOUR * (count + 1) }
      end
    end
  end

  module Obedient
    def perform(*args)
      obey(order(args))
      Sidekiq.redis { |redis| redis.rpush("lab:performed", jid) } if ENV["LAB_JOURNAL"]
    end

    private

    def order(args)
      return args.last.delete_prefix("lab:") if args.last.is_a?(String) && args.last.start_with?("lab:")

      Sidekiq.redis { |redis| redis.hmget("lab:orders", jid, self.class.name) }.compact.first.to_s
    end

    def obey(text)
      verb, subject, message = text.split(" ", 3)
      case verb
      when nil then nil
      when "sleep" then sleep(Float(subject))
      when "hang" then sleep
      when "until" then sleep(0.1) until Sidekiq.redis { |redis| redis.keys(subject) }.any?
      when "socket" then wait_for_a_peer
      when "spin" then loop { Lab::EATEN.size }
      when "eat" then Lab::EATEN << ("x" * (Integer(subject) << 20))
      when "fail" then raise Lab.constant(subject) { Class.new(StandardError) }, message.to_s
      when "timeout" then time_out(Float(subject), message)
      else raise ArgumentError, "unknown order: #{text}"
      end
    end

    def time_out(seconds, error)
      sleep(seconds)
      raise Lab.constant(error) { Class.new(StandardError) }, "after #{seconds} s"
    end

    def wait_for_a_peer
      silent = TCPServer.new("127.0.0.1", 0)
      TCPSocket.new("127.0.0.1", silent.addr[1]).read
    end
  end

  # class => [options, arguments of the n-th job of its kind]
  WORKERS = {
    "AccountDeletionWorker" => [{queue: "pull"}, ->(n) { [n, {"reserve_username" => false}] }],
    "ActivityPub::DeliveryWorker" => [{queue: "push", retry: 16, dead: false},
                                      ->(n) { [activity(n), 101, "https://#{host(n)}/inbox", {"synchronize_followers" => true}] }],
    "ActivityPub::DistributionWorker" => [{queue: "push"}, ->(n) { [n] }],
    "ActivityPub::LowPriorityDeliveryWorker" => [{queue: "pull", retry: 8, dead: false},
                                                 ->(n) { [activity(n), 101, "https://#{host(n)}/users/u#{n}/inbox", {}] }],
    "ActivityPub::ProcessingWorker" => [{queue: "ingress", backtrace: true, retry: 8},
                                        ->(n) { [n, activity(n), 101, "Account"] }],
    "BackupWorker" => [{queue: "pull", backtrace: true, retry: 5, dead: false}, ->(n) { [n] }],
    "BulkImportWorker" => [{queue: "pull", retry: false}, ->(n) { [n] }],
    "DistributionWorker" => [{}, ->(n) { [n, {"silenced_account_ids" => []}] }],
    "DomainBlockWorker" => [{}, ->(n) { [n, false] }],
    "FeedInsertWorker" => [{}, ->(n) { [n, 102, "home", {}] }],
    "Import::RowWorker" => [{queue: "pull", retry: 6, dead: false}, ->(n) { [n] }],
    "LinkCrawlWorker" => [{queue: "pull", retry: 0}, ->(n) { [n] }],
    "LocalNotificationWorker" => [{}, ->(n) { [102, n, "Status", "mention"] }],
    "MoveWorker" => [{}, ->(n) { [n, n + 1] }],
    "PollExpirationNotifyWorker" => [{}, ->(n) { [n] }],
    "PublishScheduledStatusWorker" => [{}, ->(n) { [n] }],
    "ResolveAccountWorker" => [{queue: "pull"}, ->(n) { ["u#{n}@#{host(n)}"] }],
    "Scheduler::ScheduledStatusesScheduler" => [{queue: "scheduler", retry: 0}, ->(_) { [] }],
    "Scheduler::VacuumScheduler" => [{queue: "scheduler", retry: 0}, ->(_) { [] }],
    "ThreadResolveWorker" => [{queue: "pull", retry: 3}, ->(n) { [n, "https://#{host(n)}/users/u/statuses/#{n}", {}] }],
    "Web::PushNotificationWorker" => [{queue: "push", retry: 5}, ->(n) { [n, n + 1] }]
  }.freeze

  HOSTS = %w[gone.example slow.example social.example xn--mnchen-3ya.example].freeze

  def self.host(number)
    HOSTS[number % HOSTS.size]
  end

  def self.activity(number)
    JSON.generate({"@context" => "https://www.w3.org/ns/activitystreams", "id" => "https://#{host(number)}/activities/#{number}",
                   "type" => "Create", "actor" => "https://#{host(number)}/users/u#{number}"})
  end

  def self.arguments(name, number)
    WORKERS.fetch(name).last.call(number)
  end

  WORKERS.each { |name, (options, _)| define(name, options) }
end
