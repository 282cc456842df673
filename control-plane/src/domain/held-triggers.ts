/**
 * Workspaces whose triggers come faster than their quota allows, remembered for a moment: until then the Worker refuses
 * their next ones itself, so that a flood costs its Dispatcher and the disk nothing. What the bucket gains meanwhile is
 * there when the moment is over, so that as many are accepted in the end.
 *
 * A client that asks again the moment it is refused takes the one thread from others by being refused: after the first
 * few, refusals are answered when the moment is over, spread over the next one. Sixteen clients that wait for their answers then ask some hundred
 * times a second in place of thousands. Who does not wait for answers is not slowed down by this, and costs no more than
 * before.
 */
import type { Refusal } from "./dispatcher.ts";
import type { Clock } from "./ports.ts";

/** Short against the second that a refused caller is told to wait at least. */
const HOLD_MS = 250;
const MAX_WORKSPACES = 10_000;
/** A moment so soon after the last one belongs to the same flood. */
const FLOOD_MS = 1_000;
/** Refusals that are answered at once: a burst that is a little too long is no flood. */
const AT_ONCE = 16;
/** Answers that wait at a time, over all workspaces: each holds a request in memory. Further ones are given at once. */
const MAX_WAITING = 512;

export class HeldTriggers {
  readonly #clock: Clock;
  readonly #held = new Map<string, { readonly refusal: Refusal; readonly until: number; refused: number }>();
  #waiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The refusal that still holds; null for none. */
  of(workspaceId: string): Refusal | null {
    const held = this.#held.get(workspaceId);
    return held === undefined || held.until <= this.#clock.now() ? null : held.refusal;
  }

  /** Only a quota that is per time is remembered: a full queue has room the moment a run starts. */
  note(workspaceId: string, refusal: Refusal): void {
    if (refusal.code === "quota_exceeded" && refusal.usedUp?.name === "triggers") {
      const now = this.#clock.now();
      const before = this.#held.get(workspaceId);
      const refused = before !== undefined && now - before.until < FLOOD_MS ? before.refused : 0;
      if (this.#held.size >= MAX_WORKSPACES) {
        this.#held.clear();
      }
      this.#held.set(workspaceId, { refusal, until: now + HOLD_MS, refused });
    }
  }

  /** Resolves when a caller that is refused may be told so. */
  async leisure(workspaceId: string, sleep: (ms: number) => Promise<void>): Promise<void> {
    const held = this.#held.get(workspaceId);
    if (held === undefined) {
      return;
    }
    held.refused += 1;
    const ms = held.until - this.#clock.now();
    if (held.refused <= AT_ONCE || this.#waiting >= MAX_WAITING || ms <= 0) {
      return;
    }
    this.#waiting += 1;
    try {
      // Not all at the same instant, or they would all come back at the same instant.
      await sleep(ms + ((held.refused * 53) % HOLD_MS));
    } finally {
      this.#waiting -= 1;
    }
  }

  /** After the quota was changed. */
  release(workspaceId: string): void {
    this.#held.delete(workspaceId);
  }
}
