# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# frozen_string_literal: true

# What Sidekiq's command line makes of texts of a sidekiq.yml: reads one JSON request a line, {"text": T, "environment": E, "env": {...}},
# and answers one JSON line: "raw", the YAML after ERB, and "sidekiq", what Sidekiq's own parse_config returns; or {"error": "Class: message"}.
# A mapping becomes a list of pairs, so that order and the difference between symbol and text stay.

require "erb"
require "json"
require "sidekiq/cli"
require "tempfile"
require "yaml"

def plain(value)
  case value
  when Hash then value.map { |key, item| [key.inspect, plain(item)] }
  when Array then value.map { |item| plain(item) }
  when Integer, Float, true, false, nil then value
  else value.inspect
  end
end

$stdout.sync = true
while (line = $stdin.gets)
  request = JSON.parse(line)
  ENV.update(request.fetch("env", {}))
  answer =
    begin
      Tempfile.create(["sidekiq", ".yml"]) do |file|
        file.binmode
        file.write(request["text"])
        file.close
        srand(1) # Mastodon draws the minutes of its schedule by lots
        erb = ERB.new(File.read(file.path), trim_mode: "-").result
        raw = YAML.safe_load(erb, permitted_classes: [Symbol], aliases: true)
        srand(1)
        cli = Sidekiq::CLI.instance
        cli.instance_variable_set(:@environment, request["environment"])
        {raw: plain(raw), sidekiq: plain(cli.send(:parse_config, file.path))}
      end
    rescue Exception => error # a syntax error in ERB is no StandardError
      {error: "#{error.class}: #{error.message}"}
    end
  request.fetch("env", {}).each_key { |name| ENV.delete(name) }
  puts JSON.generate(answer)
end
