/**
 * Long polling: the control connection of a runner where no WebSocket gets through.
 *
 * `POST /api/v1/runner/poll` carries the same frames as the socket, as the same texts, in a *session*:
 *  1. `session: null` opens one. The answer names it and brings the `challenge`, which is good for this session only.
 *  2. A request with `frames` hands them over, first of all `hello`, and is answered as soon as they are decided.
 *  3. A request without frames is held until there is something to say, 25 s at most. A runner has one of them waiting
 *     all the time; a second one ends the first.
 *
 * Both directions number their frames from 1. `from` is the number of the first frame in a request or an answer, and
 * `ack` the highest number that arrived from the other end with none missing before it. What is not acknowledged is
 * kept and sent again with the next request or answer; a number that was taken already is skipped. So a request or an
 * answer that is lost loses nothing, and one that comes twice does nothing.
 *
 * There are no `ping` and `pong`: `renew` frames take their place, and every request counts as a sign of life. A session
 * that the other end closed, or no longer knows, is answered with `close` and a code of `closeCodes`.
 */
import * as z from "zod";
import { MAX_FRAME_BYTES } from "./limits.ts";

/** How long a request without frames is held, in milliseconds: below the 30 s after which proxies cut idle ones. */
export const POLL_HOLD_MS = 25_000;
/** Frames of one request or answer are together about this long, in characters; a single one may be longer. */
export const POLL_BATCH_CHARS = 1_048_576;

const Frames = z.array(z.string().max(MAX_FRAME_BYTES)).max(1_000);

export const PollRequest = z.strictObject({
  runnerId: z.string().max(200),
  protocol: z.int(),
  /** Which of the workspace's Dispatchers; its own one by default. The session keeps to it. */
  shard: z.int().min(0).max(31).optional(),
  /** Null opens a session. */
  session: z.string().max(300).nullable(),
  ack: z.int().min(0),
  from: z.int().min(1),
  frames: Frames,
  /** The runner leaves; the session ends when the frames are decided. */
  leave: z.boolean().default(false),
});
export type PollRequest = z.infer<typeof PollRequest>;

export const PollAnswer = z
  .strictObject({
    session: z.string(),
    ack: z.int().min(0),
    from: z.int().min(1),
    frames: Frames,
    close: z.strictObject({ code: z.int(), reason: z.string() }).nullable(),
  })
  .meta({ id: "PollAnswer" });
export type PollAnswer = z.infer<typeof PollAnswer>;

/** What one end of a session still has to hand over: frames by number, kept until they are acknowledged. */
export class PollOutbox {
  #frames: string[] = [];
  #first = 1;

  /** Whether anything is not acknowledged. */
  get waiting(): boolean {
    return this.#frames.length > 0;
  }

  add(text: string): void {
    this.#frames.push(text);
  }

  /** Everything up to this number has arrived; a number from before, or never given out, changes nothing. */
  acknowledge(ack: number): void {
    const gone = ack - this.#first + 1;
    if (gone > 0 && gone <= this.#frames.length) {
      this.#frames.splice(0, gone);
      this.#first = ack + 1;
    }
  }

  /** The next frames, one at least if any waits. */
  batch(): { readonly from: number; readonly frames: string[] } {
    const frames: string[] = [];
    let chars = 0;
    for (const text of this.#frames.slice(0, 1_000)) {
      if (frames.length > 0 && chars + text.length > POLL_BATCH_CHARS) {
        break;
      }
      frames.push(text);
      chars += text.length;
    }
    return { from: this.#first, frames };
  }
}

/** What has arrived from the other end of a session. */
export class PollInbox {
  /** Highest number taken, with none missing before it. */
  ack = 0;

  /** The frames that are new, in order; null when numbers are missing before the first. */
  take(batch: { readonly from: number; readonly frames: readonly string[] }): readonly string[] | null {
    if (batch.frames.length > 0 && batch.from > this.ack + 1) {
      return null;
    }
    const fresh = batch.frames.slice(this.ack + 1 - batch.from);
    this.ack += fresh.length;
    return fresh;
  }
}
