-- Version 1. Released versions never change; a change is another file.
--
-- A worker has a number for its rows here. Keys of entries, runs and drafts are
-- `worker.number << 32 | sequence`, so that the rows of a worker lie side by side in their order
-- and need no second index. Times are milliseconds since 1970. Numbers of tokens, events and
-- epochs are unsigned 64-bit numbers, stored as the signed number with the same bits.

CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- Counts the transactions, so that one whose COMMIT failed can be found or missed.
    batch INTEGER NOT NULL
) STRICT;

INSERT INTO meta (id, batch) VALUES (1, 0);

CREATE TABLE profile (
    number INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE worker (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    profile INTEGER NOT NULL REFERENCES profile (number),
    model TEXT,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    create_key TEXT UNIQUE,
    create_fingerprint BLOB,
    last_sequence INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    incomplete_runs INTEGER NOT NULL,
    last_run BLOB,
    outcome TEXT,
    error_code TEXT,
    error_detail TEXT,
    retry_after INTEGER,
    finished_at INTEGER,
    -- Of the last run; see `entry.diagnostics`.
    diagnostics TEXT
) STRICT;

CREATE INDEX worker_stopped ON worker (last_activity_at) WHERE state = 'stopped';

CREATE TABLE entry (
    key INTEGER PRIMARY KEY,
    role TEXT NOT NULL,
    run BLOB NOT NULL,
    at INTEGER NOT NULL,
    partial INTEGER NOT NULL,
    unanswered INTEGER NOT NULL,
    -- Words with a space in between; none when nothing is to be said.
    diagnostics TEXT,
    content TEXT NOT NULL,
    reasoning TEXT
) STRICT;

-- The key is that of the run's input.
CREATE TABLE run (
    key INTEGER PRIMARY KEY,
    worker INTEGER NOT NULL,
    id BLOB NOT NULL,
    accepted_at INTEGER NOT NULL,
    cursor_epoch INTEGER NOT NULL,
    cursor_sequence INTEGER NOT NULL,
    input_key TEXT,
    input_fingerprint BLOB,
    outcome TEXT,
    error_code TEXT,
    error_detail TEXT,
    retry_after INTEGER,
    finished_at INTEGER,
    -- None where it is not known.
    input_tokens INTEGER,
    output_tokens INTEGER,
    diagnostics TEXT
) STRICT;

CREATE UNIQUE INDEX run_active ON run (worker) WHERE outcome IS NULL;
-- Not unique: an old key is forgotten, and may come again.
CREATE INDEX run_keyed ON run (worker) WHERE input_key IS NOT NULL;

-- The reply so far of an active run, in parts.
CREATE TABLE draft (
    key INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;
