/**
 * The Dispatcher's own tables. Times are milliseconds since 1970. Steps are applied in order, once, on first touch;
 * a step is never edited after a release, only followed by another.
 */
import { callTables } from "./calls/schema-step.ts";
import { chainTables } from "./chains/schema-step.ts";
import { endpointTables } from "./schema-steps/endpoints.ts";
import { firstTables } from "./schema-steps/first-tables.ts";
import { sealedGrantTables, valueTables } from "./schema-steps/values.ts";
import { concurrencyColumns, laneTables, limitTables } from "./schema-steps/waiting-runs.ts";
import { scheduleTables } from "./schedules/schema-step.ts";

const steps: readonly string[] = [
  firstTables,
  laneTables,
  concurrencyColumns,
  limitTables,
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
  valueTables,
  sealedGrantTables,
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
  callTables,
  `
  -- A pause set by a person, what the machine is and how it did when it last said so: as JSON.
  ALTER TABLE runners ADD COLUMN pause TEXT;
  ALTER TABLE runners ADD COLUMN machine_paused_at INTEGER;
  ALTER TABLE runners ADD COLUMN facts TEXT;
  ALTER TABLE runners ADD COLUMN metrics TEXT;
  `,
  scheduleTables,
  endpointTables,
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
