/** The tables of calls of jobs: a step of `../schema.ts`, never edited after a release. */
export const callTables = `
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
  `;
