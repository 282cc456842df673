/** The tables of chains: a step of `../schema.ts`, never edited after a release. */
export const chainTables = `
  -- What the ends of a run have started, as JSON; null for a run of an event without chains.
  ALTER TABLE runs ADD COLUMN chained TEXT;
  -- What is still to be started, written with the end of the run. \`requeues\` says which end, \`n\` which chain of the event;
  -- \`facts\`: how the run ended, as JSON. A run stays while it has a row here.
  CREATE TABLE chain_starts (
    run_id TEXT NOT NULL, requeues INTEGER NOT NULL, n INTEGER NOT NULL, event_id TEXT NOT NULL, follows TEXT NOT NULL,
    mapping TEXT, facts TEXT NOT NULL, ended_at INTEGER NOT NULL, due_at INTEGER NOT NULL, tries INTEGER NOT NULL,
    PRIMARY KEY (run_id, requeues, n)
  ) WITHOUT ROWID;
  CREATE INDEX chain_starts_due ON chain_starts (due_at);
`;
