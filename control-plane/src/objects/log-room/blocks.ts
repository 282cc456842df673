/**
 * Packs a closed log into blocks, in the room's own storage, one block a turn: so the work is bounded, goes on after the
 * object left memory, and the size of the archive is known before it is written.
 */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { LineSplitter } from "@cronium/protocol/log-lines";
import type { Block } from "./archive-format.ts";
import { readFrames, whole } from "./frames.ts";
import type { Room } from "./room.ts";

/** With the frame that crosses it, a block stays below 1 MiB. */
const BLOCK_BYTES = 960 * 1024;
/** Text halves its size against level 1 and takes half the time of level 9. */
const LEVEL = 5;

const TABLE = `
  CREATE TABLE IF NOT EXISTS blocks (
    k INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    start INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    lines INTEGER,
    lines_after INTEGER,
    sha256 TEXT NOT NULL,
    bytes BLOB NOT NULL
  );
`;

/** Packs every frame up to row `last` that is in no block yet. */
export async function packBlocks(room: Room, last: number): Promise<void> {
  const { sql } = room;
  sql.exec(TABLE);
  let lines = linesBefore(room);
  const counter = new LineCounter(lines);
  for (;;) {
    const after = lastPacked(sql);
    const frames = readFrames(sql, after, BLOCK_BYTES).filter(({ n }) => n <= last);
    const end = frames.at(-1);
    const [first] = frames;
    if (first === undefined || end === undefined) {
      return;
    }
    const records = recordsOf(frames.map(({ bytes }) => bytes));
    const packed = gzipSync(records, { level: LEVEL });
    // What cannot be unpacked must not take the place of what it was made of.
    if (!gunzipSync(packed).equals(records)) {
      throw new Error("a block of the log does not unpack to what was packed");
    }
    const { header } = whole(new Uint8Array(first.bytes));
    const linesAfter = counter.add(frames.map(({ bytes }) => bytes));
    sql.exec(
      `INSERT INTO blocks (last, attempt, start, raw_bytes, lines, lines_after, sha256, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      end.n,
      header.attempt,
      header.offset,
      records.length,
      lines,
      linesAfter,
      createHash("sha256").update(packed).digest("hex"),
      new Uint8Array(packed).buffer,
    );
    lines = linesAfter;
    await scheduler.wait(0);
  }
}

/** The packed blocks, behind those of the archive before. */
export function readBlocks({ sql, baseBlocks }: Room): Block[] {
  const rows = sql.exec(
    "SELECT attempt, start, raw_bytes, length(bytes) AS bytes, lines, sha256 FROM blocks ORDER BY k",
  );
  const packed = rows.toArray().map((row) => ({
    attempt: row["attempt"] as number,
    offset: row["start"] as number,
    rawBytes: row["raw_bytes"] as number,
    bytes: row["bytes"] as number,
    lines: row["lines"] as number | null,
    sha256: row["sha256"] as string,
  }));
  return [...baseBlocks, ...packed];
}

/** Block by block, in order. */
export function* packedBytes(sql: SqlStorage): Generator<Uint8Array> {
  let k = 0;
  for (;;) {
    const [row] = sql.exec("SELECT k, bytes FROM blocks WHERE k > ? ORDER BY k LIMIT 1", k).toArray();
    if (row === undefined) {
      return;
    }
    k = row["k"] as number;
    yield new Uint8Array(row["bytes"] as ArrayBuffer);
  }
}

function lastPacked(sql: SqlStorage): number {
  return sql.exec("SELECT coalesce(max(last), 0) AS last FROM blocks").one()["last"] as number;
}

/** Lines before the next block; null where that is not known. */
function linesBefore({ sql, baseBlocks }: Room): number | null {
  const [row] = sql.exec("SELECT lines_after FROM blocks ORDER BY k DESC LIMIT 1").toArray();
  if (row !== undefined) {
    return row["lines_after"] as number | null;
  }
  return baseBlocks.length === 0 ? 0 : null;
}

function recordsOf(frames: readonly ArrayBuffer[]): Uint8Array {
  const records = new Uint8Array(frames.reduce((sum, { byteLength }) => sum + 4 + byteLength, 0));
  const view = new DataView(records.buffer);
  let at = 0;
  for (const bytes of frames) {
    view.setUint32(at, bytes.byteLength);
    records.set(new Uint8Array(bytes), at + 4);
    at += 4 + bytes.byteLength;
  }
  return records;
}

/** Counts lines as readers do, as long as it is known where the counting began. */
class LineCounter {
  readonly #splitter: LineSplitter | null;

  constructor(lines: number | null) {
    this.#splitter = lines === null ? null : new LineSplitter(lines);
  }

  /** Lines so far; null where one is unfinished, or nothing is known. */
  add(frames: readonly ArrayBuffer[]): number | null {
    const splitter = this.#splitter;
    if (splitter === null) {
      return null;
    }
    for (const bytes of frames) {
      // Only their number matters.
      Array.from(splitter.push(whole(new Uint8Array(bytes))));
    }
    return splitter.isBetweenLines ? splitter.lines : null;
  }
}
