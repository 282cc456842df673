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
  readonly #windows = new Map<string, { count: number; readonly endsAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one attempt under this key; throws `rate_limited` with the seconds to wait when there are too many. */
  take(key: string, limit: RateLimit): void {
    const now = this.#clock.now();
    let window = this.#windows.get(key);
    if (window === undefined || window.endsAt <= now) {
      this.#makeRoom(now);
      window = { count: 0, endsAt: now + limit.windowMs };
      this.#windows.set(key, window);
    }
    window.count += 1;
    if (window.count > limit.max) {
      const retryAfterSeconds = Math.ceil((window.endsAt - now) / 1_000);
      throw new AppError("rate_limited", `Too many attempts; try again in ${retryAfterSeconds} s.`, {
        context: { retryAfterSeconds },
      });
    }
  }

  #makeRoom(now: number): void {
    if (this.#windows.size < MAX_KEYS) {
      return;
    }
    for (const [key, window] of this.#windows) {
      if (window.endsAt <= now) {
        this.#windows.delete(key);
      }
    }
    if (this.#windows.size >= MAX_KEYS) {
      this.#windows.clear();
    }
  }
}
