/** The tables of schedules: a step of `../schema.ts`, never edited after a release. */
export const scheduleTables = `
  -- What triggered a run, beside the kind of its trigger, as JSON.
  ALTER TABLE runs ADD COLUMN origin TEXT;
  -- Home only, as everything of schedules. \`definition\` is JSON; \`cursor\`: all nominal times up to it are decided.
  -- \`pause\` is null while it fires; \`backlog\`: what becomes of the times of a pause that is over, as JSON.
  CREATE TABLE schedules (
    id TEXT PRIMARY KEY, event_id TEXT NOT NULL, definition TEXT NOT NULL, version INTEGER NOT NULL,
    anchor_at INTEGER NOT NULL, cursor INTEGER NOT NULL, backlog TEXT, pause TEXT, next_nominal INTEGER,
    next_fire INTEGER, failures INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    deleted_at INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX schedules_due ON schedules (next_fire) WHERE next_fire IS NOT NULL;
  CREATE INDEX schedules_event ON schedules (event_id);
  -- What a schedule said from when on, for questions about the past: its definition, or null while it was paused.
  CREATE TABLE schedule_history (
    schedule_id TEXT NOT NULL, at INTEGER NOT NULL, n INTEGER NOT NULL, what TEXT NOT NULL, message TEXT,
    definition TEXT NOT NULL, anchor_at INTEGER NOT NULL, PRIMARY KEY (schedule_id, at, n)
  ) WITHOUT ROWID;
  -- One row for each nominal time that was decided. \`live\`: 1 its run is under way, 2 it waits for the run before it,
  -- 3 its run is to be made by a shard, 4 likewise, and other times do not look at it.
  CREATE TABLE occurrences (
    schedule_id TEXT NOT NULL, nominal_at INTEGER NOT NULL, event_id TEXT NOT NULL, due_at INTEGER NOT NULL,
    decision TEXT NOT NULL, reason TEXT NOT NULL, message TEXT, decided_at INTEGER NOT NULL, run_id TEXT,
    started_late INTEGER, live INTEGER NOT NULL, PRIMARY KEY (schedule_id, nominal_at)
  ) WITHOUT ROWID;
  CREATE INDEX occurrences_at ON occurrences (nominal_at, schedule_id);
  CREATE INDEX occurrences_live ON occurrences (schedule_id, live) WHERE live > 0;
  CREATE INDEX occurrences_to_place ON occurrences (nominal_at) WHERE live > 2;
  -- Nominal times of the past that are run: all before \`cursor\` are done.
  CREATE TABLE backfills (
    id TEXT PRIMARY KEY, schedule_id TEXT NOT NULL, cursor INTEGER NOT NULL, until INTEGER NOT NULL,
    only_missing INTEGER NOT NULL, per_minute INTEGER NOT NULL, matched INTEGER NOT NULL, done INTEGER NOT NULL,
    due_at INTEGER, created_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX backfills_due ON backfills (due_at) WHERE due_at IS NOT NULL;
`;
