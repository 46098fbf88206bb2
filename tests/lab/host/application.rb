# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# frozen_string_literal: true

# What Rails and Mastodon are to a real Sidekiq: reads .env.production, connects, and defines the workers.
# Each job leaves its jid in Redis, in the lists lab:begun and lab:performed, so that a test can account for all of them.

require "sidekiq"

# As dotenv does: what the unit sets comes first.
File.foreach(File.expand_path("../.env.production", __dir__)) do |line|
  name, value = line.strip.split("=", 2)
  ENV[name] ||= value.gsub(/\A(['"])(.*)\1\z/, '\2') if value && !name.start_with?("#")
end
ENV["LAB_JOURNAL"] ||= "1"
Redis.silence_deprecations = true if defined?(Redis) && Redis.respond_to?(:silence_deprecations=) # or a line for each BRPOP

module Lab
  def self.redis
    url = [ENV["SIDEKIQ_REDIS_URL"], ENV["REDIS_URL"]].find { |candidate| !candidate.to_s.empty? }
    return {url: url} if url

    user = [ENV["REDIS_USER"], ENV["REDIS_PASSWORD"]].compact.join(":")
    user = ":#{user}" if user != "" && !ENV["REDIS_USER"]
    {url: "redis://#{user}#{'@' if user != ''}#{ENV['REDIS_HOST'] || 'localhost'}:#{ENV['REDIS_PORT'] || 6379}/#{ENV['REDIS_DB'] || 0}"}
  end

  class Begin
    def call(_worker, job, _queue)
      Sidekiq.redis { |redis| redis.rpush("lab:begun", job["jid"]) }
      yield
    end
  end
end

Sidekiq.configure_client { |config| config.redis = Lab.redis }
Sidekiq.configure_server do |config|
  config.redis = Lab.redis
  config.server_middleware { |chain| chain.add(Lab::Begin) }
end

require_relative "worker"
