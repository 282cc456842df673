/**
 * A finished log as one blob: the frames in order, each as its length (u32 big-endian) and its bytes. Written and read
 * as a stream, because a log may be larger than the memory of an object.
 */
import { decodeLogFrame, type LogFrame } from "@cronium/protocol/log-frame";
import { logKey } from "../../domain/blob-keys.ts";
import type { BlobBody } from "../../domain/ports.ts";
import { readFrames } from "./frames.ts";

const PIECE_BYTES = 1_048_576;

export const archiveKey = logKey;

/** Null when no frame is stored. */
export function archiveOf(sql: SqlStorage): BlobBody | null {
  const sizeBytes = sql.exec("SELECT coalesce(sum(length(bytes) + 4), 0) AS size FROM frames").one()["size"] as number;
  if (sizeBytes === 0) {
    return null;
  }
  let after = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const frames = readFrames(sql, after, PIECE_BYTES);
      const last = frames.at(-1);
      if (last === undefined) {
        controller.close();
        return;
      }
      after = last.n;
      const size = frames.reduce((sum, frame) => sum + 4 + frame.bytes.byteLength, 0);
      const piece = new Uint8Array(size);
      const view = new DataView(piece.buffer);
      let at = 0;
      for (const { bytes } of frames) {
        view.setUint32(at, bytes.byteLength);
        piece.set(new Uint8Array(bytes), at + 4);
        at += 4 + bytes.byteLength;
      }
      controller.enqueue(piece);
    },
  });
  return { stream, sizeBytes };
}

export interface ArchivedFrame extends LogFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The frames of a blob, one at a time. Throws when the blob is damaged. */
export async function* framesOf(body: BlobBody): AsyncGenerator<ArchivedFrame> {
  let rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  for await (const chunk of body.stream) {
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
