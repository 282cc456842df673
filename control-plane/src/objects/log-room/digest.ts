/**
 * The SHA-256 of one attempt's log as it is kept, to compare with what its runner says that it sent. Gathered frame by
 * frame; an object that left memory meanwhile reads the kept frames once more when the log ends.
 */
import { createHash, type Hash } from "node:crypto";
import type { LogPosition } from "../../domain/log-position.ts";
import { readFrames, rowOf, whole } from "./frames.ts";
import type { Room } from "./room.ts";

export interface RunningDigest {
  readonly attempt: number;
  readonly hash: Hash;
  nextSeq: number;
}

const STEP_BYTES = 1_048_576;
/** Larger logs are not read again: it would keep the object from everything else for more than a second. */
const MOST_READ_BYTES = 268_435_456;

/** Takes up a frame that was just kept. */
export function addToDigest(room: Room, attempt: number, seq: number, payload: Uint8Array): void {
  if (seq === 0) {
    room.digest = { attempt, hash: createHash("sha256"), nextSeq: 0 };
  }
  const { digest } = room;
  if (digest?.attempt === attempt && digest.nextSeq === seq) {
    digest.hash.update(payload);
    digest.nextSeq += 1;
  }
}

/** In hex, of everything up to this position; null where not all of it is kept, or it is too much to read again. */
export function digestOf(room: Room, position: LogPosition): string | null {
  const { attempt, nextSeq, nextOffset, truncated } = position;
  if (truncated) {
    return null;
  }
  const running = room.digest;
  room.digest = null;
  if (running?.attempt === attempt && running.nextSeq === nextSeq) {
    return running.hash.digest("hex");
  }
  if (nextOffset > MOST_READ_BYTES) {
    return null;
  }
  const hash = createHash("sha256");
  const end = rowOf(attempt, nextSeq);
  for (let after = rowOf(attempt, 0) - 1; ;) {
    const frames = room.stored ? readFrames(room.sql, after, STEP_BYTES).filter(({ n }) => n < end) : [];
    const last = frames.at(-1);
    if (last === undefined) {
      return hash.digest("hex");
    }
    for (const { bytes } of frames) {
      hash.update(whole(new Uint8Array(bytes)).payload);
    }
    after = last.n;
  }
}
