-- Version 1. Released versions never change; a change is another file.
--
-- Every key begins with the number of the workspace, so that each table can be partitioned by it. Texts that
-- may hold any character are bytes in UTF-8, because `text` can't hold U+0000: `convert_from(content, 'UTF8')`
-- shows the others. Times have milliseconds. Numbers of tokens, events and epochs are unsigned 64-bit
-- numbers, stored as the signed number with the same bits.

-- A workspace, and the server that it belongs to.
CREATE TABLE yoi.workspace (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    -- What operators call that server; none when the workspace is free.
    owner text,
    -- Counts the owners.
    generation bigint NOT NULL DEFAULT 0,
    -- Until when the owner has it, unless it renews that.
    expires_at timestamptz
) WITH (fillfactor = 50);

-- What the owner has written. Apart from its lease, which can be renewed while a transaction takes long.
CREATE TABLE yoi.progress (
    workspace integer PRIMARY KEY REFERENCES yoi.workspace (number),
    -- That of the owner. What an earlier one still sends is refused by it.
    generation bigint NOT NULL DEFAULT 0,
    -- Counts the transactions of the owner, so that one whose COMMIT got no answer can be found or missed.
    batch bigint NOT NULL DEFAULT 0,
    -- How many the owner before had committed.
    previous_batch bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE yoi.profile (
    workspace integer NOT NULL REFERENCES yoi.workspace (number),
    -- SHA-256 of the text.
    digest bytea NOT NULL,
    text bytea NOT NULL,
    PRIMARY KEY (workspace, digest)
);

CREATE TABLE yoi.worker (
    workspace integer NOT NULL,
    id uuid NOT NULL,
    display_name text NOT NULL,
    profile bytea NOT NULL,
    model text,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    last_activity_at timestamptz NOT NULL,
    create_key text,
    create_fingerprint bytea,
    last_sequence bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    incomplete_runs bigint NOT NULL,
    last_run uuid,
    outcome text,
    error_code text,
    error_detail text,
    retry_after bigint,
    finished_at timestamptz,
    -- Of the last run; see `entry.diagnostics`.
    diagnostics text,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, create_key),
    FOREIGN KEY (workspace, profile) REFERENCES yoi.profile (workspace, digest)
) WITH (fillfactor = 80);

CREATE INDEX worker_stopped ON yoi.worker (workspace, last_activity_at) WHERE state = 'stopped';

CREATE TABLE yoi.entry (
    workspace integer NOT NULL,
    worker uuid NOT NULL,
    sequence bigint NOT NULL,
    role text NOT NULL,
    run uuid NOT NULL,
    at timestamptz NOT NULL,
    partial boolean NOT NULL,
    unanswered boolean NOT NULL,
    -- Words with a space in between; none when nothing is to be said.
    diagnostics text,
    content bytea NOT NULL,
    reasoning bytea,
    PRIMARY KEY (workspace, worker, sequence)
);

-- The sequence is that of the run's input.
CREATE TABLE yoi.run (
    workspace integer NOT NULL,
    worker uuid NOT NULL,
    sequence bigint NOT NULL,
    id uuid NOT NULL,
    accepted_at timestamptz NOT NULL,
    cursor_epoch bigint NOT NULL,
    cursor_sequence bigint NOT NULL,
    input_key text,
    input_fingerprint bytea,
    outcome text,
    error_code text,
    error_detail text,
    retry_after bigint,
    finished_at timestamptz,
    -- None where it is not known.
    input_tokens bigint,
    output_tokens bigint,
    diagnostics text,
    PRIMARY KEY (workspace, worker, sequence)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX run_active ON yoi.run (workspace, worker) WHERE outcome IS NULL;
-- Not unique: an old key is forgotten, and may come again.
CREATE INDEX run_keyed ON yoi.run (workspace, worker, sequence) WHERE input_key IS NOT NULL;

-- The reply so far of an active run, in parts.
CREATE TABLE yoi.draft (
    workspace integer NOT NULL,
    worker uuid NOT NULL,
    part bigint NOT NULL,
    text bytea NOT NULL,
    PRIMARY KEY (workspace, worker, part)
);
