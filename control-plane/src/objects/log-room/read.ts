/** The log as an HTTP answer: the bytes, or one JSON object for each line. Streams, whatever its size. */
import { LineSplitter } from "@cronium/protocol/log-lines";
import { archiveKey, blockAt, framesOf, streamOf } from "./archive.ts";
import { readTable, type Block } from "./archive-format.ts";
import { readFrames, whole, type WholeFrame } from "./frames.ts";
import type { Room } from "./room.ts";

export interface ReadQuery {
  readonly format: "text" | "ndjson";
  readonly stream: string | null;
  /** Only this attempt; null for all. */
  readonly only: number | null;
  readonly cursor: { readonly attempt: number; readonly offset: number };
}

const PIECE_BYTES = 262_144;

/** Nothing was printed: an empty answer. */
export function readLog(room: Room, query: ReadQuery): ReadableStream<Uint8Array> {
  return streamOf(query.format === "text" ? textPieces(room, query) : linePieces(room, query));
}

async function* textPieces(room: Room, query: ReadQuery): AsyncGenerator<Uint8Array> {
  for await (const { header, payload } of framesFrom(room, query, () => {})) {
    const { attempt, offset } = query.cursor;
    const skip = header.attempt === attempt ? Math.max(0, offset - header.offset) : 0;
    const wanted =
      header.attempt >= attempt &&
      skip < payload.length &&
      (query.only === null || header.attempt === query.only) &&
      (query.stream === null || header.stream === query.stream);
    if (wanted) {
      yield payload.subarray(skip);
    }
  }
}

async function* linePieces(room: Room, query: ReadQuery): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let splitter = new LineSplitter();
  const { attempt, offset } = query.cursor;
  const pick = (lines: ReturnType<LineSplitter["end"]>): string => {
    let text = "";
    for (const { line, endOffset } of lines) {
      const behind = line.attempt > attempt || (line.attempt === attempt && endOffset > offset);
      const asked =
        (query.only === null || line.attempt === query.only) && (query.stream === null || line.stream === query.stream);
      if ((behind || offset === 0) && line.attempt >= attempt && asked) {
        text += `${JSON.stringify(line)}\n`;
      }
    }
    return text;
  };
  // Lines of the part that is not read count all the same.
  const begin = (lines: number): void => {
    splitter = new LineSplitter(lines);
  };
  for await (const frame of framesFrom(room, query, begin)) {
    const text = pick(splitter.push(frame));
    if (text !== "") {
      yield encoder.encode(text);
    }
  }
  const rest = pick(splitter.end());
  if (rest !== "") {
    yield encoder.encode(rest);
  }
}

/**
 * Every frame from the cursor on, and some before it, in order: those of the archive, and behind them those of the
 * tables. `begin` is told beforehand how many lines are left out, where lines are wanted.
 */
async function* framesFrom(
  room: Room,
  { cursor, format }: ReadQuery,
  begin: (lines: number) => void,
): AsyncGenerator<WholeFrame> {
  const { stored, baseBlocks } = room;
  // Keeps the tables until they have been read.
  room.readers += 1;
  try {
    const { blobs } = room.deps;
    const key = archiveKey(room.workspaceId, room.runId);
    const blocks: readonly Block[] = stored ? baseBlocks : ((await readTable(blobs, key)) ?? []);
    const first = blockAt(blocks, cursor, format === "ndjson");
    begin(blocks[first]?.lines ?? 0);
    yield* framesOf(blobs, key, blocks, first);
    if (!stored) {
      return;
    }
    let after = 0;
    for (;;) {
      const frames = readFrames(room.sql, after, PIECE_BYTES);
      const last = frames.at(-1);
      if (last === undefined) {
        return;
      }
      for (const { bytes } of frames) {
        yield whole(new Uint8Array(bytes));
      }
      after = last.n;
    }
  } finally {
    room.readers -= 1;
  }
}
