/** Where a log stands, and what a frame that arrives means there. */
import type { LogState } from "@cronium/protocol/run-states";

export interface LogPosition {
  readonly attempt: number;
  readonly nextSeq: number;
  readonly nextOffset: number;
  readonly ended: boolean;
  /** Ranges that the runner or the room had to drop. */
  readonly gaps: number;
  readonly truncated: boolean;
}

export interface FrameIdentity {
  readonly seq: number;
  readonly offset: number;
  readonly stream: string;
  readonly sha256: string;
}

export type FrameVerdict =
  | { readonly kind: "append" }
  /** Stored already: acknowledge again. */
  | { readonly kind: "duplicate" }
  | { readonly kind: "refuse"; readonly code: "log_conflict" | "log_gap"; readonly message: string };

/** `stored` is the frame kept under the same `seq`; null when there is none (it may have fallen to the size limit). */
export function judgeFrame(position: LogPosition, frame: FrameIdentity, stored: FrameIdentity | null): FrameVerdict {
  if (frame.seq < position.nextSeq) {
    const same =
      stored === null ||
      (stored.offset === frame.offset && stored.sha256 === frame.sha256 && stored.stream === frame.stream);
    return same
      ? { kind: "duplicate" }
      : {
          kind: "refuse",
          code: "log_conflict",
          message: `Frame ${frame.seq} of attempt ${position.attempt} was stored with other bytes; the first ones stand.`,
        };
  }
  if (frame.seq > position.nextSeq || frame.offset > position.nextOffset) {
    return {
      kind: "refuse",
      code: "log_gap",
      message: `Frame ${frame.seq} at offset ${frame.offset} came, but frame ${position.nextSeq} at offset ${position.nextOffset} is next.`,
    };
  }
  if (position.ended || frame.offset < position.nextOffset) {
    return {
      kind: "refuse",
      code: "log_conflict",
      message: position.ended
        ? `The log of attempt ${position.attempt} has ended; nothing can follow.`
        : `Frame ${frame.seq} starts at ${frame.offset}, inside bytes that are stored up to ${position.nextOffset}.`,
    };
  }
  return { kind: "append" };
}

export function logStateOf(position: LogPosition): LogState {
  if (position.truncated) {
    return "truncated";
  }
  if (!position.ended) {
    return "live";
  }
  return position.gaps > 0 ? "incomplete" : "complete";
}
