/** Frames in the room's storage: where the log stands, adding one, reading them in order. */
import { decodeLogFrame, type LogFrame, type LogHeader } from "@cronium/protocol/log-frame";
import { MAX_LOG_CAP_BYTES } from "@cronium/protocol/limits";
import type { FrameIdentity, LogPosition } from "../../domain/log-position.ts";

/** A stored frame: its place in the room, and the bytes as the runner sent them. */
export interface StoredFrame {
  readonly n: number;
  readonly bytes: ArrayBuffer;
}

/** A frame, read, with the bytes it was read from. */
export interface WholeFrame extends LogFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Throws when it is none: what is stored was read before. */
export function whole(bytes: Uint8Array<ArrayBuffer>): WholeFrame {
  const decoded = decodeLogFrame(bytes);
  if (!decoded.ok) {
    throw new Error(`a stored log frame cannot be read: ${decoded.message}`);
  }
  return { ...decoded.frame, bytes };
}

/** Rows of one attempt lie together, in order of `seq`. */
const ROWS_OF_ATTEMPT = 2 ** 32;

export function rowOf(attempt: number, seq: number): number {
  return attempt * ROWS_OF_ATTEMPT + seq + 1;
}

export function readPosition(sql: SqlStorage, attempt: number): LogPosition | null {
  const row = sql.exec("SELECT * FROM attempts WHERE attempt = ?", attempt).toArray()[0];
  return row === undefined ? null : toPosition(sql, row);
}

/** Of the newest attempt that has a log; null while none has. */
export function readNewest(sql: SqlStorage): LogPosition | null {
  const row = sql.exec("SELECT * FROM attempts ORDER BY attempt DESC LIMIT 1").toArray()[0];
  return row === undefined ? null : toPosition(sql, row);
}

function toPosition(sql: SqlStorage, row: Readonly<Record<string, SqlStorageValue>>): LogPosition {
  const attempt = row["attempt"] as number;
  const [last] = sql
    .exec(
      "SELECT n, start + length AS end FROM frames WHERE n >= ? AND n < ? ORDER BY n DESC LIMIT 1",
      rowOf(attempt, 0),
      rowOf(attempt + 1, 0),
    )
    .toArray();
  const kept = last === undefined ? { seq: 0, offset: 0 } : afterRow(last);
  return {
    attempt,
    nextSeq: Math.max(row["next_seq"] as number, kept.seq),
    nextOffset: Math.max(row["next_offset"] as number, kept.offset),
    ended: row["ended"] === 1,
    gaps: row["gaps"] as number,
    truncated: row["truncated"] === 1,
  };
}

function afterRow(row: Readonly<Record<string, SqlStorageValue>>): { readonly seq: number; readonly offset: number } {
  return { seq: (row["n"] as number) % ROWS_OF_ATTEMPT, offset: row["end"] as number };
}

export function startAttempt(sql: SqlStorage, attempt: number): void {
  sql.exec("INSERT OR IGNORE INTO attempts (attempt) VALUES (?)", attempt);
}

/** What the kept frame under this number says of itself; null when there is none. */
export function readIdentity(sql: SqlStorage, attempt: number, seq: number): FrameIdentity | null {
  const [row] = sql.exec("SELECT bytes FROM frames WHERE n = ?", rowOf(attempt, seq)).toArray();
  if (row === undefined) {
    return null;
  }
  const decoded = decodeLogFrame(new Uint8Array(row["bytes"] as ArrayBuffer));
  if (!decoded.ok) {
    throw new Error(`The stored frame ${seq} of attempt ${attempt} cannot be read: ${decoded.message}`);
  }
  const { offset, stream, sha256 } = decoded.frame.header;
  return { seq, offset, stream, sha256 };
}

/** Cronium's own remarks, which its runner adds to what a job prints. */
const REMARK_BYTES = 1_048_576;

/**
 * Adds the next frame. The limit of an event is its runner's to hold; one that does not is held to it here: what comes
 * beyond `capBytes`, or beyond the most that any run may have, is counted, not kept: false.
 */
export function appendFrame(
  sql: SqlStorage,
  header: LogHeader,
  length: number,
  bytes: ArrayBuffer,
  storedBytes: number,
  capBytes = MAX_LOG_CAP_BYTES,
): boolean {
  const { attempt, seq, offset, gap } = header;
  const fits = storedBytes + length <= MAX_LOG_CAP_BYTES && offset + length <= capBytes + REMARK_BYTES;
  if (fits) {
    sql.exec(
      "INSERT INTO frames (n, start, length, bytes) VALUES (?, ?, ?, ?)",
      rowOf(attempt, seq),
      offset,
      length,
      bytes,
    );
  }
  if (!fits || gap !== undefined) {
    sql.exec(
      `UPDATE attempts SET next_seq = ?2, next_offset = ?3, gaps = gaps + ?4, truncated = max(truncated, ?5)
       WHERE attempt = ?1`,
      attempt,
      seq + 1,
      offset + length,
      gap === undefined ? 0 : 1,
      fits ? 0 : 1,
    );
  }
  return fits;
}

export function endAttempt(
  sql: SqlStorage,
  attempt: number,
  end: { readonly gaps: number; readonly truncated: boolean },
): void {
  sql.exec(
    "UPDATE attempts SET ended = 1, gaps = max(gaps, ?2), truncated = max(truncated, ?3) WHERE attempt = ?1",
    attempt,
    end.gaps,
    end.truncated ? 1 : 0,
  );
}

export function sumStored(sql: SqlStorage): number {
  return sql.exec("SELECT coalesce(sum(length), 0) AS bytes FROM frames").one()["bytes"] as number;
}

/** Frames behind row `after`, as many as make about `maxBytes`, one at least. */
export function readFrames(sql: SqlStorage, after: number, maxBytes: number): StoredFrame[] {
  const frames: StoredFrame[] = [];
  let size = 0;
  for (const row of sql.exec("SELECT n, bytes FROM frames WHERE n > ? ORDER BY n", after)) {
    const frame = row as unknown as StoredFrame;
    frames.push(frame);
    size += frame.bytes.byteLength;
    if (size >= maxBytes) {
      break;
    }
  }
  return frames;
}

/** The row behind which a viewer with this cursor goes on: 0 for the start. Walks the rows of one attempt at most. */
export function rowBefore(sql: SqlStorage, attempt: number, offset: number): number {
  const row = sql
    .exec(
      `SELECT coalesce(max(n), 0) AS n FROM frames
       WHERE n < ?1 OR (n < ?2 AND start + length <= ?3 AND start < ?3)`,
      rowOf(attempt, 0),
      rowOf(attempt + 1, 0),
      offset,
    )
    .one();
  return row["n"] as number;
}

/** The newest row; 0 when there is none. */
export function readLastRow(sql: SqlStorage): number {
  return sql.exec("SELECT coalesce(max(n), 0) AS n FROM frames").one()["n"] as number;
}
