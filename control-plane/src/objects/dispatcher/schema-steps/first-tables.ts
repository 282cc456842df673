/** The tables of the first version: a step of `../schema.ts`, never edited after a release. */
export const firstTables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE events (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER,
    rev INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE event_versions (
    event_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    definition TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (event_id, version)
  );

  -- What an Idempotency-Key stood for, for 24 hours.
  CREATE TABLE causes (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX causes_at ON causes (at);

  CREATE TABLE runs (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    event_id TEXT,
    event_name TEXT NOT NULL,
    event_version INTEGER,
    trigger TEXT NOT NULL,
    runtime TEXT NOT NULL,
    labels TEXT NOT NULL,
    timeout_ms INTEGER NOT NULL,
    memory_mb INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    script_retries INTEGER NOT NULL,
    on_lost TEXT NOT NULL,
    state TEXT NOT NULL,
    queue_reason TEXT,
    skip_reason TEXT,
    fail_reason TEXT,
    cancel_reason TEXT,
    message TEXT,
    attempt INTEGER NOT NULL,
    offered INTEGER NOT NULL,
    exit_code INTEGER,
    signal TEXT,
    runner_id TEXT,
    runner_name TEXT,
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    not_before INTEGER NOT NULL,
    cancel_requested_at INTEGER,
    infra_failures INTEGER NOT NULL,
    script_failures INTEGER NOT NULL,
    starts INTEGER NOT NULL,
    log_state TEXT NOT NULL,
    log_bytes INTEGER NOT NULL,
    rev INTEGER NOT NULL
  );
  -- The pump walks the first in order of arrival; the second holds those without a reason yet.
  CREATE INDEX runs_ready ON runs (n) WHERE state = 'queued' AND offered = 0;
  CREATE INDEX runs_unexplained ON runs (n)
    WHERE state = 'queued' AND offered = 0 AND coalesce(queue_reason, 'retry_backoff') = 'retry_backoff';
  CREATE INDEX runs_backoff ON runs (not_before) WHERE state = 'queued' AND not_before > 0;
  CREATE INDEX runs_waiting ON runs (runner_id) WHERE state = 'waiting';
  CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL;

  -- Apart from runs, so that a change of state does not rewrite a megabyte.
  CREATE TABLE payloads (
    run_id TEXT PRIMARY KEY,
    input TEXT NOT NULL,
    output TEXT NOT NULL,
    -- The definition of an ad-hoc run; null where the event version holds it.
    definition TEXT
  ) WITHOUT ROWID;

  CREATE TABLE attempts (
    run_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,
    fail_reason TEXT,
    message TEXT,
    runner_id TEXT NOT NULL,
    runner_name TEXT NOT NULL,
    epoch TEXT NOT NULL,
    deadline_at INTEGER NOT NULL,
    exit_code INTEGER,
    signal TEXT,
    late INTEGER NOT NULL,
    outcome TEXT,
    result_digest TEXT,
    offered_at INTEGER NOT NULL,
    accepted_at INTEGER,
    started_at INTEGER,
    exited_at INTEGER,
    finished_at INTEGER,
    PRIMARY KEY (run_id, attempt)
  ) WITHOUT ROWID;
  -- Live attempts: who holds what, and whose deadline comes first.
  CREATE INDEX attempts_live ON attempts (runner_id)
    WHERE state IN ('offered', 'accepted', 'running', 'finishing');
  CREATE INDEX attempts_deadline ON attempts (deadline_at)
    WHERE state IN ('offered', 'accepted', 'running', 'finishing');

  CREATE TABLE runners (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    version TEXT NOT NULL,
    platform TEXT,
    slots INTEGER NOT NULL,
    not_ready TEXT NOT NULL,
    draining INTEGER NOT NULL,
    latency_ms REAL,
    epoch TEXT,
    connected INTEGER NOT NULL,
    connected_at INTEGER,
    last_seen_at INTEGER,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    state TEXT NOT NULL,
    rev INTEGER NOT NULL
  ) WITHOUT ROWID;

  -- What has still to be told to others: D1 ('run', 'event', 'runner') and log rooms ('room'). One row for each thing,
  -- because only its newest state matters.
  CREATE TABLE outbox (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    rev INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
  ) WITHOUT ROWID;

  -- Runs whose log room wants to hear of each change.
  CREATE TABLE watches (run_id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
  `;
