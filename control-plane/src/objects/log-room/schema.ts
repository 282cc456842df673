/** The room's tables. Made when the first frame or the end of the run comes, so that reading leaves nothing behind. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  -- Of each attempt what its frames do not tell: next_seq and next_offset count only behind frames that were not kept.
  CREATE TABLE IF NOT EXISTS attempts (
    attempt INTEGER PRIMARY KEY,
    next_seq INTEGER NOT NULL DEFAULT 0,
    next_offset INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0,
    gaps INTEGER NOT NULL DEFAULT 0,
    truncated INTEGER NOT NULL DEFAULT 0
  );

  -- One row for each frame, in order of the log: n is attempt * 2^32 + seq + 1, so a frame is one row in one tree and
  -- nothing else. bytes is the frame as it came.
  CREATE TABLE IF NOT EXISTS frames (
    n INTEGER PRIMARY KEY,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    bytes BLOB NOT NULL
  );
`;

const LAYOUT = "2";

/** Version 1 kept a second index, and the newest position in `attempts`. */
const FROM_1 = `
  ALTER TABLE frames RENAME TO frames_1;
  CREATE TABLE frames (
    n INTEGER PRIMARY KEY,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    bytes BLOB NOT NULL
  );
  INSERT INTO frames (n, start, length, bytes)
    SELECT attempt * 4294967296 + seq + 1, start, length, bytes FROM frames_1;
  DROP TABLE frames_1;
  UPDATE meta SET value = '2' WHERE key = 'layout';
`;

export function createTables(sql: SqlStorage, name: string): void {
  sql.exec(TABLES);
  sql.exec("INSERT OR IGNORE INTO meta (key, value) VALUES ('layout', ?), ('name', ?)", LAYOUT, name);
}

/** Whether there are tables; those of an older layout are brought to the newest. */
export function openTables(storage: DurableObjectStorage): boolean {
  const { sql } = storage;
  if (sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'frames'").toArray().length === 0) {
    return false;
  }
  if (sql.exec("SELECT 1 FROM meta WHERE key = 'layout' AND value = '1'").toArray().length > 0) {
    storage.transactionSync(() => void sql.exec(FROM_1));
  }
  return true;
}
