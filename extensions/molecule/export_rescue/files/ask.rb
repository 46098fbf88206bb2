# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# frozen_string_literal: true

# ask ROW [ORDER...]: the job that Mastodon makes for a row of backups, with an order of worker.rb; prints its jid.

Dir.chdir("/home/mastodon/live")
require "/home/mastodon/live/lab/application.rb"
require "securerandom"
(Sidekiq.respond_to?(:default_configuration) ? Sidekiq.default_configuration : Sidekiq).logger.level = Logger::WARN

row, *words = ARGV
jid = SecureRandom.hex(12)
Sidekiq.redis { |redis| redis.hset("lab:orders", jid, words.join(" ")) } unless words.empty?
Sidekiq::Client.push("class" => BackupWorker, "args" => [Integer(row)], "jid" => jid)
puts jid
