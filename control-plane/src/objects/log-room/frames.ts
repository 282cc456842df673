/** Frames in the room's storage: where the log stands, adding one, reading them in order. */
import type { LogHeader } from "@cronium/protocol";
import { DEFAULT_LOG_CAP_BYTES } from "@cronium/protocol/limits";
import type { FrameIdentity, LogPosition } from "../../domain/log-position.ts";

/** A stored frame: its place in the room, and the bytes as the runner sent them. */
export interface StoredFrame {
  readonly n: number;
  readonly attempt: number;
  readonly start: number;
  readonly length: number;
  readonly bytes: ArrayBuffer;
}

export function readPosition(sql: SqlStorage, attempt: number): LogPosition | null {
  const row = sql.exec("SELECT * FROM attempts WHERE attempt = ?", attempt).toArray()[0];
  return row === undefined ? null : toPosition(row);
}

/** Of the newest attempt that has a log; null while none has. */
export function readNewest(sql: SqlStorage): LogPosition | null {
  const row = sql.exec("SELECT * FROM attempts ORDER BY attempt DESC LIMIT 1").toArray()[0];
  return row === undefined ? null : toPosition(row);
}

function toPosition(row: Readonly<Record<string, SqlStorageValue>>): LogPosition {
  return {
    attempt: row["attempt"] as number,
    nextSeq: row["next_seq"] as number,
    nextOffset: row["next_offset"] as number,
    ended: row["ended"] === 1,
    gaps: row["gaps"] as number,
    truncated: row["truncated"] === 1,
  };
}

export function startAttempt(sql: SqlStorage, attempt: number): void {
  sql.exec("INSERT OR IGNORE INTO attempts (attempt) VALUES (?)", attempt);
}

export function readIdentity(sql: SqlStorage, attempt: number, seq: number): FrameIdentity | null {
  const row = sql
    .exec("SELECT seq, start, stream, sha256 FROM frames WHERE attempt = ? AND seq = ?", attempt, seq)
    .toArray()[0];
  return row === undefined
    ? null
    : {
        seq,
        offset: row["start"] as number,
        stream: row["stream"] as string,
        sha256: row["sha256"] as string,
      };
}

/** Adds the next frame. Beyond the size limit of a run it is counted, not kept: false. */
export function appendFrame(
  sql: SqlStorage,
  header: LogHeader,
  length: number,
  bytes: ArrayBuffer,
  storedBytes: number,
): boolean {
  const fits = storedBytes + length <= DEFAULT_LOG_CAP_BYTES;
  if (fits) {
    sql.exec(
      "INSERT INTO frames (attempt, seq, start, length, stream, sha256, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
      header.attempt,
      header.seq,
      header.offset,
      length,
      header.stream,
      header.sha256,
      bytes,
    );
  }
  sql.exec(
    `UPDATE attempts SET next_seq = ?2, next_offset = ?3, gaps = gaps + ?4, truncated = max(truncated, ?5)
     WHERE attempt = ?1`,
    header.attempt,
    header.seq + 1,
    header.offset + length,
    header.gap === undefined ? 0 : 1,
    fits ? 0 : 1,
  );
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
  for (const row of sql.exec("SELECT n, attempt, start, length, bytes FROM frames WHERE n > ? ORDER BY n", after)) {
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
       WHERE attempt < ?1 OR (attempt = ?1 AND start + length <= ?2 AND start < ?2)`,
      attempt,
      offset,
    )
    .one();
  return row["n"] as number;
}

/** The newest row; 0 when there is none. */
export function readLastRow(sql: SqlStorage): number {
  return sql.exec("SELECT coalesce(max(n), 0) AS n FROM frames").one()["n"] as number;
}
