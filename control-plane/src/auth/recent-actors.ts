/**
 * Callers whose key was looked up a moment ago, so that a busy client costs one database read in ten seconds.
 *
 * Revoking a key therefore takes up to ten seconds to reach every isolate. Only hits are kept: wrong keys are refused
 * by their checksum or looked up each time, and cannot fill this map.
 */
import type { Actor } from "../domain/actor.ts";
import type { Clock } from "../domain/ports.ts";

const KEEP_MS = 10_000;
const MAX_ENTRIES = 1_000;

export class RecentActors {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { readonly actor: Actor; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(hash: string): Actor | null {
    const entry = this.#entries.get(hash);
    if (entry === undefined || entry.until <= this.#clock.now()) {
      this.#entries.delete(hash);
      return null;
    }
    return entry.actor;
  }

  /** `validUntil` shortens the memory for a key that expires within it; milliseconds since 1970. */
  put(hash: string, actor: Actor, validUntil: number = Number.POSITIVE_INFINITY): void {
    if (this.#entries.size >= MAX_ENTRIES) {
      this.#entries.clear();
    }
    this.#entries.set(hash, { actor, until: Math.min(this.#clock.now() + KEEP_MS, validUntil) });
  }

  forget(hash: string): void {
    this.#entries.delete(hash);
  }

  /** After somebody lost a right: this isolate asks anew. */
  clear(): void {
    this.#entries.clear();
  }
}
