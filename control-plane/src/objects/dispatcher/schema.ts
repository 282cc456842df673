/**
 * The Dispatcher's own tables. Times are milliseconds since 1970. Steps are applied in order, once, on first touch;
 * a step is never edited after a release, only followed by another.
 */
import { chainTables } from "./chains/schema-step.ts";
import { scheduleTables } from "./schedules/schema-step.ts";

const steps: readonly string[] = [
  `
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
  `,
  `
  -- What runs wait for; runs that wait for the same thing stand in one lane.
  CREATE TABLE lanes (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);

  ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
  -- 0 until it has been queued by this version.
  ALTER TABLE runs ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;
  -- What keeps a queued run from being looked at: nothing (''), or 'time' until not_before.
  ALTER TABLE runs ADD COLUMN gate TEXT NOT NULL DEFAULT '';
  UPDATE runs SET gate = 'time' WHERE state = 'queued' AND not_before > 0;
  INSERT INTO lanes (key)
    SELECT DISTINCT json_object('eventId', event_id, 'priority', 0, 'labels', json(labels)) FROM runs WHERE state = 'queued';
  UPDATE runs
    SET lane = (SELECT id FROM lanes WHERE key = json_object('eventId', event_id, 'priority', 0, 'labels', json(labels)))
    WHERE state = 'queued';

  DROP INDEX runs_ready;
  DROP INDEX runs_unexplained;
  DROP INDEX runs_backoff;
  -- The pump takes the first of a lane; the second holds those of a lane without a reason yet.
  CREATE INDEX runs_lane ON runs (lane, offered, gate, n) WHERE state = 'queued';
  CREATE INDEX runs_unexplained ON runs (lane, n)
    WHERE state = 'queued' AND offered = 0 AND gate = ''
      AND coalesce(queue_reason, 'retry_backoff') = 'retry_backoff';
  CREATE INDEX runs_due ON runs (not_before) WHERE state = 'queued' AND gate = 'time';
  `,
  `
  -- 'key' is a gate too: the run waits for a place under its concurrency key.
  ALTER TABLE runs ADD COLUMN concurrency_key TEXT;
  ALTER TABLE runs ADD COLUMN holds INTEGER NOT NULL DEFAULT 0;
  UPDATE runs SET holds = 1
    WHERE state IN ('starting', 'running', 'waiting', 'cancelling') OR (state = 'queued' AND offered = 1);
  UPDATE runs SET holds = 1 WHERE state = 'queued' AND EXISTS (
    SELECT 1 FROM attempts a WHERE a.run_id = runs.id AND a.attempt = runs.attempt AND a.state = 'lost');
  -- Places taken, and runs that wait for one of a key: the best of them first.
  CREATE INDEX runs_holding ON runs (event_id, concurrency_key) WHERE holds = 1;
  CREATE INDEX runs_parked ON runs (event_id, concurrency_key, priority DESC, n) WHERE state = 'queued' AND gate = 'key';
  `,
  `
  ALTER TABLE runs ADD COLUMN expire_reason TEXT;
  ALTER TABLE runs ADD COLUMN expires_at INTEGER;
  CREATE INDEX runs_expiry ON runs (expires_at)
    WHERE state = 'queued' AND offered = 0 AND starts = 0 AND expires_at IS NOT NULL;
  DROP INDEX runs_unexplained;
  CREATE INDEX runs_unexplained ON runs (lane, n)
    WHERE state = 'queued' AND offered = 0 AND gate = ''
      AND coalesce(queue_reason, 'delayed') IN ('delayed', 'debounced', 'retry_backoff');

  -- Token buckets of events with a rate limit.
  CREATE TABLE buckets (event_id TEXT PRIMARY KEY, tokens REAL NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;

  -- Runs that gather further triggers, by event and value of its debounce key.
  CREATE TABLE debounces (
    event_id TEXT NOT NULL,
    key TEXT NOT NULL,
    run_id TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (event_id, key)
  ) WITHOUT ROWID;
  CREATE INDEX debounces_until ON debounces (until);
  `,
  `
  ALTER TABLE runs ADD COLUMN queue TEXT NOT NULL DEFAULT 'default';
  CREATE TABLE paused_queues (name TEXT PRIMARY KEY, note TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
  `,
  `
  -- What happened in which hour (\`triggered\`, or the state that runs ended in); with hour 0, the runs that are in a
  -- state now.
  CREATE TABLE counters (
    name TEXT NOT NULL, hour INTEGER NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (name, hour)
  ) WITHOUT ROWID;
  INSERT INTO counters (name, hour, value)
    SELECT state, 0, count(*) FROM runs WHERE finished_at IS NULL GROUP BY state;
  `,
  `
  -- Bulk work: how far its walk over the runs is (\`at\`), and where it ends (\`last\`), both as \`runs.n\`.
  CREATE TABLE bulks (
    id TEXT PRIMARY KEY, action TEXT NOT NULL, filter TEXT NOT NULL, state TEXT NOT NULL,
    at INTEGER NOT NULL, last INTEGER NOT NULL, matched INTEGER NOT NULL, done INTEGER NOT NULL,
    failed INTEGER NOT NULL, reasons TEXT NOT NULL, created_at INTEGER NOT NULL, finished_at INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX bulks_running ON bulks (created_at) WHERE state = 'running';
  `,
  `
  ALTER TABLE runs ADD COLUMN retry_of TEXT;
  `,
  `
  ALTER TABLE runs ADD COLUMN wishes TEXT;
  -- Which runner took the last run of an event that asks for the same one again.
  CREATE TABLE last_runners (event_id TEXT PRIMARY KEY, runner_id TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  ALTER TABLE runners ADD COLUMN start_failures TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE runners ADD COLUMN quarantined_at INTEGER;
  ALTER TABLE runners ADD COLUMN quarantine_message TEXT;
  `,
  `
  -- Of its newest version; null for the workspace's.
  ALTER TABLE events ADD COLUMN retention_days INTEGER;
  `,
  `
  -- Secrets, encrypted (\`auth/secret-box.ts\`). \`scope\` is an event's id, or '' for the whole workspace.
  CREATE TABLE secrets (
    id TEXT PRIMARY KEY, scope TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, version INTEGER NOT NULL,
    box TEXT NOT NULL, key_id TEXT NOT NULL, maskable INTEGER NOT NULL, last_used_at INTEGER, last_used_run TEXT,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, rev INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX secrets_name ON secrets (scope, name);
  CREATE INDEX secrets_key ON secrets (key_id);

  CREATE TABLE variables (
    id TEXT PRIMARY KEY, scope TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, version INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, rev INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX variables_name ON variables (scope, name);
  CREATE TABLE variable_versions (
    variable_id TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL, by TEXT NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (variable_id, version)
  );
  `,
  `
  -- The key that secrets are sealed to for this runner; null for one that speaks protocol 1.
  ALTER TABLE runners ADD COLUMN sealing_key TEXT;
  -- What attempts under way were handed, sealed to their runner, so that the answer to a repeated accept is the same.
  CREATE TABLE sealed_grants (
    run_id TEXT NOT NULL, attempt INTEGER NOT NULL, secrets TEXT NOT NULL, PRIMARY KEY (run_id, attempt)
  ) WITHOUT ROWID;
  `,
  `
  -- Home only: the shards of the workspace. One that exists is never removed, for its runs name it.
  CREATE TABLE shards (shard INTEGER PRIMARY KEY, created_at INTEGER NOT NULL);
  -- Home only: where the triggers of a queue go.
  CREATE TABLE routes (
    queue TEXT PRIMARY KEY, shard INTEGER NOT NULL, generation INTEGER NOT NULL, previous INTEGER,
    leaving INTEGER NOT NULL, owned TEXT NOT NULL
  ) WITHOUT ROWID;
  -- Queues that this Dispatcher has taken over, and from whom, until nothing of them is left there.
  CREATE TABLE handovers (queue TEXT PRIMARY KEY, generation INTEGER NOT NULL, waits_for INTEGER) WITHOUT ROWID;
  -- Queues that this shard has let go of: it takes nothing that was placed under this generation or an older one.
  CREATE TABLE released (queue TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
  -- Home only: places under the workspace's limit that a shard may use, by its newest message.
  CREATE TABLE allowances (
    shard INTEGER PRIMARY KEY, seq INTEGER NOT NULL, places INTEGER NOT NULL, need INTEGER NOT NULL, at INTEGER NOT NULL
  );
    `,
  `
  ALTER TABLE runs ADD COLUMN requeues INTEGER NOT NULL DEFAULT 0;
  -- Dead letters stay until their retention ends; other finished runs leave within the hour.
  DROP INDEX runs_finished;
  CREATE INDEX runs_finished ON runs (finished_at)
    WHERE finished_at IS NOT NULL AND coalesce(fail_reason, '') <> 'retries_exhausted';
  CREATE INDEX runs_dead ON runs (n) WHERE fail_reason = 'retries_exhausted';
  INSERT INTO counters (name, hour, value)
    SELECT 'dead_letters', 0, count(*) FROM runs WHERE fail_reason = 'retries_exhausted';
  `,
  `
  -- Bulk work: who asked for it, as JSON, and how far a retry has got in the list of runs: time and id of the last one.
  ALTER TABLE bulks ADD COLUMN by TEXT;
  ALTER TABLE bulks ADD COLUMN walked TEXT;
  `,
  `
  -- Who did what, each entry chained to the one before (\`auth/audit-chain.ts\`). Never changed.
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, entry TEXT NOT NULL, previous_hash TEXT NOT NULL, hash TEXT NOT NULL
  );
  `,
  `
  -- A runner that takes one job: when that was granted, and since when it has had no link.
  ALTER TABLE runners ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE runners ADD COLUMN served_at INTEGER;
  ALTER TABLE runners ADD COLUMN away_since INTEGER;
  `,
  `
  ALTER TABLE runners ADD COLUMN clock_skew_ms INTEGER;
  `,
  `
  -- What was agreed on in its last handshake.
  ALTER TABLE runners ADD COLUMN protocol INTEGER NOT NULL DEFAULT 1;
  `,
  `
  -- Answers to calls of jobs, while their attempt lives; of runs of shards too where they are about what is home's.
  CREATE TABLE calls (
    n INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, attempt INTEGER NOT NULL, key TEXT NOT NULL,
    digest TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL
  );
  CREATE UNIQUE INDEX calls_key ON calls (run_id, attempt, key);
  CREATE INDEX calls_n ON calls (run_id, attempt, n);
  CREATE INDEX calls_at ON calls (at);
  -- What the job of a run has said of itself, as JSON.
  ALTER TABLE runs ADD COLUMN notes TEXT;
  -- \`sha256\` is null while the bytes have not arrived.
  CREATE TABLE artifacts (
    run_id TEXT NOT NULL, number INTEGER NOT NULL, attempt INTEGER NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL,
    sha256 TEXT, content_type TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (run_id, number)
  ) WITHOUT ROWID;
  CREATE INDEX artifacts_unfinished ON artifacts (run_id) WHERE sha256 IS NULL;
  -- Home only: of runs of shards, the newest attempt that has asked for something.
  CREATE TABLE fences (run_id TEXT PRIMARY KEY, attempt INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
  -- Home only. The number is the fence: it rises with each holder.
  CREATE TABLE locks (
    fence INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, lock_id TEXT NOT NULL, run_id TEXT NOT NULL,
    attempt INTEGER NOT NULL, until INTEGER NOT NULL
  );
  CREATE INDEX locks_holder ON locks (run_id, attempt);
  -- Home only: processes of runners that may use values again which they have read, until then at the latest.
  CREATE TABLE readers (
    runner_id TEXT NOT NULL, epoch TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (runner_id, epoch)
  ) WITHOUT ROWID;
  `,
  `
  -- A pause set by a person, what the machine is and how it did when it last said so: as JSON.
  ALTER TABLE runners ADD COLUMN pause TEXT;
  ALTER TABLE runners ADD COLUMN machine_paused_at INTEGER;
  ALTER TABLE runners ADD COLUMN facts TEXT;
  ALTER TABLE runners ADD COLUMN metrics TEXT;
  `,
  scheduleTables,
  `
  -- Home only. Where webhooks arrive; settings as JSON; \`token\` is the hash by which D1 finds the workspace.
  CREATE TABLE endpoints (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, settings TEXT NOT NULL, token TEXT NOT NULL, version INTEGER NOT NULL,
    enabled INTEGER NOT NULL, listens_until INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  -- Encrypted as secrets are. \`slot\` is 'current', 'previous' while that is good as well, or 'address'.
  CREATE TABLE endpoint_secrets (
    endpoint_id TEXT NOT NULL, slot TEXT NOT NULL, box TEXT NOT NULL, key_id TEXT NOT NULL, set_at INTEGER NOT NULL,
    until INTEGER, PRIMARY KEY (endpoint_id, slot)
  ) WITHOUT ROWID;
  CREATE INDEX endpoint_secrets_key ON endpoint_secrets (key_id);
  -- What arrived. \`packed\` holds its head and body until they are in a blob, \`bytes\` from \`offset\` on. \`same\` is
  -- by which refused arrivals, and repeats, share a row.
  CREATE TABLE deliveries (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, endpoint_id TEXT NOT NULL, at INTEGER NOT NULL,
    verdict TEXT NOT NULL, message TEXT, count INTEGER NOT NULL, key TEXT, method TEXT NOT NULL,
    content_type TEXT NOT NULL, size_bytes INTEGER NOT NULL, original TEXT, runs TEXT NOT NULL, same TEXT,
    packed BLOB, blob TEXT, offset INTEGER, bytes INTEGER
  );
  CREATE INDEX deliveries_endpoint ON deliveries (endpoint_id, n);
  CREATE INDEX deliveries_key ON deliveries (endpoint_id, key, n) WHERE key IS NOT NULL AND verdict IN ('accepted', 'filtered');
  CREATE UNIQUE INDEX deliveries_same ON deliveries (endpoint_id, same) WHERE same IS NOT NULL;
  CREATE INDEX deliveries_packed ON deliveries (n) WHERE packed IS NOT NULL;
  CREATE INDEX deliveries_at ON deliveries (at);
  CREATE TABLE delivery_blobs (key TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
  `,
  chainTables,
];

/** Brings the tables up to date; safe to call on every start. */
export function migrate(storage: DurableObjectStorage, now: number): void {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec("CREATE TABLE IF NOT EXISTS schema_steps (step INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL)");
    const applied = Number(sql.exec("SELECT coalesce(max(step), 0) AS step FROM schema_steps").one()["step"]);
    for (const [index, step] of steps.entries()) {
      if (index >= applied) {
        sql.exec(step);
        sql.exec("INSERT INTO schema_steps (step, applied_at) VALUES (?, ?)", index + 1, now);
      }
    }
  });
}
