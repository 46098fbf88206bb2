# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# frozen_string_literal: true

# What Mastodon's BackupService does, as far as a disk and a database see it: copies the media into a directory below TMPDIR, writes
# the archive beside them, keeps it below public/system, finishes the row, and deletes the other archives of the user.

require "fileutils"
require "open3"
require "securerandom"
require "tmpdir"

module Lab
  class Archive
    KEPT = "/home/mastodon/live/public/system/backups/dumps"

    def initialize(id)
      @id = Integer(id)
    end

    def build
      media = sql("SELECT coalesce(sum(m.file_file_size), 0) FROM backups b JOIN users u ON u.id = b.user_id LEFT JOIN media_attachments m " \
                  "ON m.account_id = u.account_id WHERE b.id = #{@id} AND NOT b.processed GROUP BY b.id")
      return if media.empty?

      Dir.mktmpdir do |directory|
        %w[media archive.zip].each { |name| File.binwrite(File.join(directory, name), SecureRandom.bytes(1) * media.to_i) }
        keep(File.join(directory, "archive.zip"))
      end
    end

    private

    def keep(archive)
      name = "archive-#{Time.now.utc.strftime('%Y%m%d%H%M%S')}-#{SecureRandom.hex(16)}.zip"
      FileUtils.mkdir_p(directory_of(@id))
      FileUtils.mv(archive, File.join(directory_of(@id), name))
      sql("UPDATE backups SET processed = true, dump_file_name = '#{name}', dump_file_size = #{File.size(File.join(directory_of(@id), name))}, " \
          "updated_at = now() WHERE id = #{@id}")
      others = sql("DELETE FROM backups USING backups mine WHERE mine.id = #{@id} AND backups.user_id = mine.user_id AND backups.id <> #{@id} " \
                   "RETURNING backups.id")
      others.split.each { |id| FileUtils.rm_rf(directory_of(id)) }
    end

    def directory_of(id)
      File.join(KEPT, format("%09d", Integer(id)).scan(/.{3}/), "original")
    end

    def sql(text)
      out, error, status = Open3.capture3("psql", "-qXtA", "-v", "ON_ERROR_STOP=1", "mastodon_production", stdin_data: text)
      raise error unless status.success?

      out.strip
    end
  end
end

BackupWorker.prepend(Module.new do
  def perform(id)
    @row = id
    super
  end

  private

  def obey(text)
    super
    Lab::Archive.new(@row).build
  end
end)
