/**
 * A finished log as one blob: the frames in order, each as its length (u32 big-endian) and its bytes. Written and read
 * as a stream, because a log may be larger than the memory of an object.
 */
import { decodeLogFrame, type LogFrame } from "@cronium/protocol/log-frame";
import { logKey } from "../../domain/blob-keys.ts";
import type { BlobBody } from "../../domain/ports.ts";
import { readFrames } from "./frames.ts";
import type { Room } from "./room.ts";

const PIECE_BYTES = 1_048_576;

export const archiveKey = logKey;

/**
 * What the blob is to hold: its part that was archived before, and behind it the frames up to row `last`. Repeating it
 * after the blob was written gives the same bytes, because only the first `baseBytes` of the old blob are taken. Null
 * when no frame is stored: then the blob is right as it is.
 */
export async function archiveOf(room: Room, last: number): Promise<BlobBody | null> {
  const { sql, baseBytes } = room;
  const size = sql.exec("SELECT coalesce(sum(length(bytes) + 4), 0) AS size FROM frames WHERE n <= ?", last).one()[
    "size"
  ] as number;
  if (size === 0) {
    return null;
  }
  const base = baseBytes === 0 ? null : await openBase(room);
  const pieces = joined(sql, last, base === null ? null : firstBytes(base, baseBytes));
  const stream = new ReadableStream<Uint8Array>({
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
  return { stream, sizeBytes: baseBytes + size };
}

/** Throws when less of it is there than was archived: nothing may then be written over it. */
async function openBase(room: Room): Promise<BlobBody> {
  const body = await room.deps.blobs.get(archiveKey(room.workspaceId, room.runId));
  if (body === null || body.sizeBytes < room.baseBytes) {
    await body?.stream.cancel();
    const there = body === null ? "is gone" : `has ${body.sizeBytes} bytes`;
    throw new Error(`the archived log ${there}, expected are ${room.baseBytes} bytes`);
  }
  return body;
}

async function* joined(
  sql: SqlStorage,
  last: number,
  base: AsyncGenerator<Uint8Array> | null,
): AsyncGenerator<Uint8Array> {
  if (base !== null) {
    yield* base;
  }
  let after = 0;
  while (after < last) {
    const frames = readFrames(sql, after, PIECE_BYTES).filter(({ n }) => n <= last);
    const end = frames.at(-1);
    if (end === undefined) {
      return;
    }
    after = end.n;
    const piece = new Uint8Array(frames.reduce((sum, frame) => sum + 4 + frame.bytes.byteLength, 0));
    const view = new DataView(piece.buffer);
    let at = 0;
    for (const { bytes } of frames) {
      view.setUint32(at, bytes.byteLength);
      piece.set(new Uint8Array(bytes), at + 4);
      at += 4 + bytes.byteLength;
    }
    yield piece;
  }
}

async function* firstBytes({ stream }: BlobBody, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of stream) {
    yield chunk.subarray(0, left);
    left -= Math.min(left, chunk.length);
    if (left === 0) {
      return;
    }
  }
}

export interface ArchivedFrame extends LogFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The frames of a blob, or of its first `count` bytes, one at a time. Throws when the blob is damaged. */
export async function* framesOf(body: BlobBody, count = Number.POSITIVE_INFINITY): AsyncGenerator<ArchivedFrame> {
  let rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  for await (const chunk of firstBytes(body, count)) {
    rest = join(rest, chunk);
    let at = 0;
    while (rest.length - at >= 4) {
      const length = new DataView(rest.buffer, rest.byteOffset + at).getUint32(0);
      if (rest.length - at - 4 < length) {
        break;
      }
      yield whole(rest.slice(at + 4, at + 4 + length));
      at += 4 + length;
    }
    rest = rest.slice(at);
  }
  if (rest.length > 0) {
    throw new Error(`the archived log ends within a frame, ${rest.length} bytes are left`);
  }
}

export function whole(bytes: Uint8Array<ArrayBuffer>): ArchivedFrame {
  const decoded = decodeLogFrame(bytes);
  if (!decoded.ok) {
    throw new Error(`a stored log frame cannot be read: ${decoded.message}`);
  }
  return { ...decoded.frame, bytes };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
