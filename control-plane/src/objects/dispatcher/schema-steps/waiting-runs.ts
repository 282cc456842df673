/** What keeps queued runs waiting: steps of `../schema.ts`, never edited after a release. */
export const laneTables = `
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
  `;

export const concurrencyColumns = `
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
  `;

export const limitTables = `
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
  `;
