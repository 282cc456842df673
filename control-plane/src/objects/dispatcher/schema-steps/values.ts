/** The tables of secrets and variables: steps of `../schema.ts`, never edited after a release. */
export const valueTables = `
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
  `;

export const sealedGrantTables = `
  -- The key that secrets are sealed to for this runner; null for one that speaks protocol 1.
  ALTER TABLE runners ADD COLUMN sealing_key TEXT;
  -- What attempts under way were handed, sealed to their runner, so that the answer to a repeated accept is the same.
  CREATE TABLE sealed_grants (
    run_id TEXT NOT NULL, attempt INTEGER NOT NULL, secrets TEXT NOT NULL, PRIMARY KEY (run_id, attempt)
  ) WITHOUT ROWID;
  `;
