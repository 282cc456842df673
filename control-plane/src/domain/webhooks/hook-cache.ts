/**
 * Endpoints that something arrived at a moment ago, so that a flood costs D1 and the Dispatcher nothing but its runs, and
 * addresses that do not exist. What is remembered is at most ten seconds old; the Dispatcher has the last word on every
 * delivery all the same.
 */
import type { Clock } from "../ports.ts";
import type { HookRule } from "./hooks-api.ts";

export interface KnownHook {
  readonly workspaceId: string;
  readonly endpointId: string;
  /** Null where home knows no such endpoint. */
  readonly rule: HookRule | null;
  /** The secrets in the clear. */
  readonly secrets: readonly { readonly value: string; readonly until: number | null }[];
}

const KEEP_MS = 10_000;
const MAX_ENTRIES = 1_000;
const SECOND_MS = 1_000;

export class HookCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { readonly hook: KnownHook | null; readonly until: number }>();
  readonly #refused = new Map<string, { since: number; count: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined when it has to be looked up, null for an address that leads nowhere. */
  get(hash: string): KnownHook | null | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined || entry.until <= this.#clock.now()) {
      this.#entries.delete(hash);
      return undefined;
    }
    return entry.hook;
  }

  put(hash: string, hook: KnownHook | null): void {
    if (this.#entries.size >= MAX_ENTRIES) {
      this.#entries.clear();
    }
    this.#entries.set(hash, { hook, until: this.#clock.now() + KEEP_MS });
  }

  forget(hash: string): void {
    this.#entries.delete(hash);
  }

  forgetEndpoint(endpointId: string): void {
    for (const [hash, { hook }] of this.#entries) {
      if (hook?.endpointId === endpointId) {
        this.#entries.delete(hash);
      }
    }
  }

  clear(): void {
    this.#entries.clear();
  }

  /**
   * A refused arrival. How many its Dispatcher is to be told of now, this one among them: the first of a second at once,
   * the others with the first of the next. 0 for none yet.
   */
  refused(key: string): number {
    const now = this.#clock.now();
    const known = this.#refused.get(key);
    if (known !== undefined && now - known.since < SECOND_MS) {
      known.count += 1;
      return 0;
    }
    if (this.#refused.size >= MAX_ENTRIES) {
      this.#refused.clear();
    }
    this.#refused.set(key, { since: now, count: 0 });
    return (known?.count ?? 0) + 1;
  }
}
