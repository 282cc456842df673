/** The log as an HTTP answer: the bytes, or one JSON object for each line. Streams, whatever its size. */
import { LineSplitter } from "@cronium/protocol/log-lines";
import { archiveKey, framesOf, whole, type ArchivedFrame } from "./archive.ts";
import { readFrames } from "./frames.ts";
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
  const pieces = query.format === "text" ? textPieces(room, query) : linePieces(room, query);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) {
        controller.close();
      } else {
        controller.enqueue(value);
      }
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}

async function* textPieces(room: Room, query: ReadQuery): AsyncGenerator<Uint8Array> {
  for await (const { header, payload } of allFrames(room)) {
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
  const splitter = new LineSplitter();
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
  for await (const frame of allFrames(room)) {
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

/** Every frame in order: those of the archive, and behind them those of the tables. */
async function* allFrames(room: Room): AsyncGenerator<ArchivedFrame> {
  const { stored, baseBytes } = room;
  // Keeps the tables until they have been read.
  room.readers += 1;
  try {
    if (!stored || baseBytes > 0) {
      const body = await room.deps.blobs.get(archiveKey(room.workspaceId, room.runId));
      if (body !== null) {
        yield* framesOf(body, stored ? baseBytes : undefined);
      }
    }
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
