/** The room's tables. Made when the first frame or the end of the run comes, so that reading leaves nothing behind. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE IF NOT EXISTS attempts (
    attempt INTEGER PRIMARY KEY,
    next_seq INTEGER NOT NULL DEFAULT 0,
    next_offset INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0,
    gaps INTEGER NOT NULL DEFAULT 0,
    truncated INTEGER NOT NULL DEFAULT 0
  );

  -- One row for each frame, in order of the log: only the newest attempt can grow. bytes is the frame as it came.
  CREATE TABLE IF NOT EXISTS frames (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    attempt INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    stream TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (attempt, seq)
  );
`;

/** Version 1 of the layout; a later one adds its steps behind it, guarded by `meta.layout`. */
export function createTables(sql: SqlStorage, name: string): void {
  sql.exec(TABLES);
  sql.exec("INSERT OR IGNORE INTO meta (key, value) VALUES ('layout', '1'), ('name', ?)", name);
}

export function hasTables(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'frames'").toArray().length > 0;
}
