/**
 * Fixed-window counters in one isolate. They blunt guessing and protect the thread from expensive hashing; they are
 * not a quota, because isolates do not share them.
 */
import { AppError } from "@cronium/protocol/errors";
import type { Clock } from "../domain/ports.ts";

export interface RateLimit {
  readonly max: number;
  readonly windowMs: number;
}

const MAX_KEYS = 10_000;

export class RateLimits {
  readonly #clock: Clock;
  /** Apart by what is counted, the words before the last: a flood of one kind cannot push out another. */
  readonly #kinds = new Map<string, Map<string, { count: number; readonly endsAt: number }>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one attempt under this key; throws `rate_limited` with the seconds to wait when there are too many. */
  take(key: string, limit: RateLimit): void {
    const now = this.#clock.now();
    const kind = key.slice(0, Math.max(0, key.lastIndexOf(" ")));
    const windows = this.#kinds.get(kind) ?? new Map<string, { count: number; readonly endsAt: number }>();
    this.#kinds.set(kind, windows);
    let window = windows.get(key);
    if (window === undefined || window.endsAt <= now) {
      makeRoom(windows, now);
      window = { count: 0, endsAt: now + limit.windowMs };
      windows.delete(key);
      windows.set(key, window);
    }
    window.count += 1;
    if (window.count > limit.max) {
      const retryAfterSeconds = Math.ceil((window.endsAt - now) / 1_000);
      throw new AppError("rate_limited", `Too many attempts; try again in ${retryAfterSeconds} s.`, {
        context: {
          quota: "attempts",
          quotaLimit: limit.max,
          quotaWindowSeconds: limit.windowMs / 1_000,
          retryAfterSeconds,
        },
      });
    }
  }
}

/** The oldest go first: whoever floods cannot start anew before everybody else was forgotten. */
function makeRoom(windows: Map<string, { readonly endsAt: number }>, now: number): void {
  if (windows.size < MAX_KEYS) {
    return;
  }
  for (const [key, window] of windows) {
    if (window.endsAt <= now) {
      windows.delete(key);
    }
  }
  // Half at a time, so that a flood does not cost a walk through all of them for each of its keys.
  for (const key of windows.size < MAX_KEYS ? [] : windows.keys()) {
    if (windows.size <= MAX_KEYS / 2) {
      return;
    }
    windows.delete(key);
  }
}
