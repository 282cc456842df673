/**
 * Workspaces whose triggers come faster than their quota allows, remembered for a moment: until then the Worker refuses
 * their next ones itself, so that a flood costs its Dispatcher and the disk nothing. What the bucket gains meanwhile is
 * there when the moment is over, so that as many are accepted in the end.
 */
import type { Refusal } from "./dispatcher.ts";
import type { Clock } from "./ports.ts";

/** Short against the second that a refused caller is told to wait at least. */
const HOLD_MS = 250;
const MAX_WORKSPACES = 10_000;

export class HeldTriggers {
  readonly #clock: Clock;
  readonly #held = new Map<string, { readonly refusal: Refusal; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The refusal that still holds; null for none. */
  of(workspaceId: string): Refusal | null {
    const held = this.#held.get(workspaceId);
    if (held === undefined) {
      return null;
    }
    if (held.until <= this.#clock.now()) {
      this.#held.delete(workspaceId);
      return null;
    }
    return held.refusal;
  }

  /** Only a quota that is per time is remembered: a full queue has room the moment a run starts. */
  note(workspaceId: string, refusal: Refusal): void {
    if (refusal.code === "quota_exceeded" && refusal.usedUp?.name === "triggers") {
      if (this.#held.size >= MAX_WORKSPACES) {
        this.#held.clear();
      }
      this.#held.set(workspaceId, { refusal, until: this.#clock.now() + HOLD_MS });
    }
  }

  /** After the quota was changed. */
  release(workspaceId: string): void {
    this.#held.delete(workspaceId);
  }
}
