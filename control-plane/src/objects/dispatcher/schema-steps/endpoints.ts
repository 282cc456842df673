/** The tables of webhooks: a step of `../schema.ts`, never edited after a release. */
export const endpointTables = `
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
  `;
