-- Copyright (c) 2026, The fediverse.mastodon authors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later

-- The tables and columns of Mastodon 4.4 that this collection reads, and no more.

CREATE TABLE accounts (
    id bigserial PRIMARY KEY,
    username character varying NOT NULL DEFAULT '',
    domain character varying,
    created_at timestamp without time zone NOT NULL DEFAULT now(),
    updated_at timestamp without time zone NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id bigserial PRIMARY KEY,
    email character varying NOT NULL DEFAULT '',
    account_id bigint NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at timestamp without time zone NOT NULL DEFAULT now(),
    updated_at timestamp without time zone NOT NULL DEFAULT now()
);

CREATE TABLE backups (
    id bigserial PRIMARY KEY,
    user_id bigint REFERENCES users (id) ON DELETE SET NULL,
    dump_file_name character varying,
    dump_content_type character varying,
    dump_updated_at timestamp without time zone,
    processed boolean NOT NULL DEFAULT false,
    created_at timestamp without time zone NOT NULL DEFAULT now(),
    updated_at timestamp without time zone NOT NULL DEFAULT now(),
    dump_file_size bigint
);

CREATE TABLE media_attachments (
    id bigserial PRIMARY KEY,
    status_id bigint,
    file_file_name character varying,
    file_content_type character varying,
    file_file_size integer,
    thumbnail_file_size integer,
    remote_url character varying NOT NULL DEFAULT '',
    account_id bigint REFERENCES accounts (id) ON DELETE SET NULL,
    created_at timestamp without time zone NOT NULL DEFAULT now(),
    updated_at timestamp without time zone NOT NULL DEFAULT now()
);

CREATE TABLE settings (
    id bigserial PRIMARY KEY,
    var character varying NOT NULL,
    value text,
    created_at timestamp without time zone,
    updated_at timestamp without time zone
);

CREATE TABLE schema_migrations (version character varying PRIMARY KEY);

CREATE INDEX index_users_on_account_id ON users (account_id);
CREATE INDEX index_media_attachments_on_account_id ON media_attachments (account_id);
