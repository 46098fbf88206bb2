# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# frozen_string_literal: true

# Sidekiq's own Ruby API as a judge: reads one JSON request a line, answers one JSON line, {"ok": ...} or {"error": "Class: message"}.
#
#   {"op": "snapshot"}               everything below at once; "jobs": false leaves out the jobs of queues
#   {"op": "stats"}, "queues", "processes", "work", "retry", "schedule", "dead"
#   {"op": "push", "class": C, "args": [...], "at": EPOCH, "options": {...}}       -> the jid
#   {"op": "delete", "where": "queue", "queue": Q, "match": {...}} and the other intents of the recorded vectors:
#     delete, delete_one, clear, kill, retry_now, enqueue_now, reschedule ("at"), prune_processes, quiet, stop, quiet_then_stop ("process")
#
# Any request may carry "clock": epoch seconds at which Ruby's clock stands still while it is carried out.
# Reading never prunes ghosts: every Sidekiq::ProcessSet here is made without its cleanup.

require "base64"
require "json"
require "uri"
require "sidekiq/api"
require_relative "worker"

module StoppedClock
  class << self
    attr_accessor :at
  end

  def now(*)
    StoppedClock.at ? at(StoppedClock.at) : super
  end
end
Time.singleton_class.prepend(StoppedClock)

module Judge
  OPTIONAL = %w[retry wrapped retry_count error_class error_message failed_at retried_at].freeze
  SETS = {"retry" => Sidekiq::RetrySet, "schedule" => Sidekiq::ScheduledSet, "dead" => Sidekiq::DeadSet}.freeze

  module_function

  # --- reading -------------------------------------------------------------------------------------------------------------------

  def snapshot(request)
    {stats: stats, queues: queues(request), processes: processes, work: work,
     retry: entries("retry"), schedule: entries("schedule"), dead: entries("dead")}
  end

  def stats(*)
    all = Sidekiq::Stats.new
    %i[processed failed enqueued retry_size scheduled_size dead_size processes_size workers_size default_queue_latency]
      .to_h { |name| [name, attempt { all.public_send(name) }] }
  end

  def queues(request)
    Sidekiq::Queue.all.map do |queue|
      seen = {name: queue.name, size: queue.size, latency: attempt { queue.latency }, paused: queue.paused?}
      request["jobs"] == false ? seen : seen.merge(jobs: queue.map { |job| attempt { job(job) } })
    end
  end

  def processes(*)
    found = Sidekiq::ProcessSet.new(false).map do |process|
      %w[identity hostname pid tag concurrency busy queues labels rss beat started_at rtt_us version]
        .to_h { |name| [name, process[name]] }.merge("quiet" => process.stopping?)
    end
    found.sort_by { |process| process["identity"] }
  end

  def work(*)
    Sidekiq::WorkSet.new.map do |process, thread, work|
      if work.is_a?(Hash) # up to 6.x
        queue, run_at, job = work["queue"], work["run_at"], Sidekiq::JobRecord.new(work["payload"], work["queue"])
      else
        queue, run_at, job = work.queue, work.run_at, work.job
      end
      {process: process, thread: thread, queue: queue, run_at: run_at.to_f, jid: job.jid,
       display_class: job.display_class, display_args: job.display_args}
    end
  end

  def entries(name)
    found = []
    SETS.fetch(name).new.each { |entry| found << attempt { job(entry).merge(score: entry.score, at: entry.at.to_f) } }
    found
  rescue StandardError => e
    found << {raises: e.class.name}
  end

  def job(record)
    seen = {jid: record.jid, class: record.klass, display_class: record.display_class, display_args: record.display_args,
            queue: record.queue, created_at: record.created_at&.to_f, enqueued_at: record.enqueued_at&.to_f,
            tags: record.tags, bid: record["bid"]}
    OPTIONAL.each { |name| seen[name] = record[name] if record.item.key?(name) }
    seen[:error_backtrace] = record.error_backtrace if record.item.key?("error_backtrace")
    seen
  end

  def attempt
    yield
  rescue StandardError => e
    {raises: e.class.name}
  end

  # --- editing -------------------------------------------------------------------------------------------------------------------

  def push(request)
    worker = Object.const_get(request.fetch("class"))
    setter = worker.set(request.fetch("options", {}))
    request["at"] ? setter.perform_at(request["at"], *request["args"]) : setter.perform_async(*request["args"])
  end

  # Deleting while iterating is what the API documents; everything else collects first, because `each` skips entries otherwise.
  def delete(request)
    edited = 0
    place(request).each { |job| edited += 1 if matches?(job, request) && gone?(job.delete) }
    edited
  end

  def delete_one(request)
    job = place(request).detect { |candidate| matches?(candidate, request) }
    job && gone?(job.delete) ? 1 : 0
  end

  def gone?(answer)
    answer && answer != 0
  end

  def clear(request)
    place(request).clear
  end

  def kill(request)
    all?(request, :kill_all) || chosen(request).each(&:kill).size
  end

  def retry_now(request)
    all?(request, :retry_all) || chosen(request).each(&:retry).size
  end

  def enqueue_now(request)
    chosen(request).each(&:add_to_queue).size
  end

  def reschedule(request)
    chosen(request).each { |job| job.reschedule(Time.at(request.fetch("at"))) }.size
  end

  def prune_processes(*)
    Sidekiq::ProcessSet.new(false).cleanup
  end

  def quiet(request)
    process(request).quiet!
  end

  def stop(request)
    process(request).stop!
  end

  def quiet_then_stop(request)
    quiet(request)
    stop(request)
  end

  def place(request)
    request["where"] == "queue" ? Sidekiq::Queue.new(request.fetch("queue")) : SETS.fetch(request["where"]).new
  end

  def process(request)
    identity = request.fetch("process")
    Sidekiq::ProcessSet.new(false).find { |process| process["identity"] == identity } || raise(KeyError, "no process #{identity}")
  end

  def chosen(request)
    place(request).select { |job| matches?(job, request) }
  end

  # An empty match on a set that can do it in one call: the number of jobs it held, else nil.
  def all?(request, method)
    set = place(request)
    return unless (request["match"] || {}).empty? && set.respond_to?(method)

    set.size.tap { set.public_send(method) }
  end

  def matches?(job, request)
    (request["match"] || {}).all? do |name, wanted|
      case name
      when "class" then job.klass == wanted
      when "display_class" then job.display_class == wanted
      when "jid" then job.jid == wanted
      when "args" then job.args == wanted
      when "arg_url_host" then URI(job.args[wanted["index"]].to_s).host == wanted["host"]
      when "malformed" then job.item.empty? == wanted
      else raise ArgumentError, "unknown condition #{name}"
      end
    end
  end

  # --- talking -------------------------------------------------------------------------------------------------------------------

  OPERATIONS = %w[snapshot stats queues processes work retry schedule dead push delete delete_one clear kill retry_now enqueue_now
                  reschedule prune_processes quiet stop quiet_then_stop].freeze

  def answer(line)
    request = JSON.parse(line)
    operation = request.fetch("op")
    raise ArgumentError, "unknown operation #{operation}" unless OPERATIONS.include?(operation)

    StoppedClock.at = request["clock"]
    {ok: SETS.key?(operation) ? entries(operation) : public_send(operation, request)}
  rescue StandardError => e
    {error: "#{e.class}: #{e.message}"}
  ensure
    StoppedClock.at = nil
  end

  # Bytes that are not UTF-8 have no place in JSON: they become {"b64": ...}, as in the vectors.
  def plain(value)
    case value
    when Hash then value.to_h { |key, inner| [key.to_s, plain(inner)] }
    when Array then value.map { |inner| plain(inner) }
    when Symbol then value.to_s
    when String
      text = value.dup.force_encoding(Encoding::UTF_8)
      text.valid_encoding? ? text : {"b64" => Base64.strict_encode64(value)}
    else value
    end
  end
end

answers = $stdout.dup
answers.sync = true
$stdout.reopen($stderr) # Sidekiq's client logs to standard output when it connects

$stdin.each_line { |line| answers.puts(JSON.generate(Judge.plain(Judge.answer(line)))) }
