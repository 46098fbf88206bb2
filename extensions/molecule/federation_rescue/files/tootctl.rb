# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# frozen_string_literal: true

# Stands in for Mastodon's bin/tootctl, which needs Rails: writes down how it was called, and prints what that one prints. Like that one it goes on
# after a failure, says so among the marks of its progress bar, and ends with status 0.

require "etc"
require "json"

abort("The RAILS_ENV environment variable is not set.") unless ENV["RAILS_ENV"]
seen = Dir["/proc/[0-9]*/cmdline"].map { |file| File.read(file).tr("\0", " ") rescue "" }
call = {user: Etc.getpwuid.name, directory: Dir.pwd, environment: ENV.to_h, arguments: ARGV, command_lines: seen}
File.write("/home/mastodon/tootctl.jsonl", "#{JSON.generate(call)}\n", mode: "a")

case ARGV
in ["accounts", "unfollow", /^half@/]
  puts "|====", "Error processing 101: Validation failed: \e[31mred", "====|", "OK, unfollowed target from 3 accounts"
in ["accounts", "unfollow", /@/] then puts "OK, unfollowed target from 3 accounts"
in ["domains", "purge", "gone.example"] then puts "Removed 12 accounts", "Removed 1 custom emojis"
in ["domains", "purge", "--dry-run", "gone.example"] then puts "Removed 12 accounts (DRY RUN)", "Removed 1 custom emojis (DRY RUN)"
in ["domains", "purge", *] then puts "Removed 0 accounts", "Removed 0 custom emojis"
else abort("unknown: #{ARGV.join(' ')}")
end
