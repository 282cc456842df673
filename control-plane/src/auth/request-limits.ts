/**
 * How many requests one caller may send: token buckets in memory, so that counting costs neither a read nor a write.
 *
 * Each isolate counts for itself. Embedded there is one, and the limits are exact; hosted there are some in each place,
 * and a caller who reaches several of them gets as many times the limit. They keep one caller from using up what others
 * need; they are not a quota, which the Dispatcher keeps (`domain/quota.ts`).
 */
import { AppError } from "@cronium/protocol/errors";
import type { Clock } from "../domain/ports.ts";
import { type Bucket, nextTokenAt, refill } from "../domain/token-bucket.ts";

/**
 * `address`: requests that bring no login; `failures`: logins, keys and tokens from one address that were refused;
 * `user`, `key`, `workspace`: requests with a login, by whom and for which workspace.
 */
export type LimitName = "address" | "failures" | "user" | "key" | "workspace";

/** Requests a minute; 0 for no limit. */
export type RequestRates = Readonly<Record<LimitName, number>>;

/** What is left of a limit, as the RateLimit fields tell of it. */
export interface LimitState {
  readonly name: LimitName;
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until all of it is there again. */
  readonly resetSeconds: number;
}

export const WINDOW_MS = 60_000;
const MAX_SUBJECTS = 20_000;

export class RequestLimits {
  readonly #clock: Clock;
  readonly #rates: RequestRates;
  /** Apart by name, so that a flood of addresses cannot push users out. */
  readonly #buckets: Record<LimitName, Map<string, Bucket>> = {
    address: new Map(),
    failures: new Map(),
    user: new Map(),
    key: new Map(),
    workspace: new Map(),
  };

  constructor(clock: Clock, rates: RequestRates) {
    this.#clock = clock;
    this.#rates = rates;
  }

  /** Counts one; answers what is left, null without a limit. Throws `rate_limited` when nothing is left. */
  take(name: LimitName, subject: string): LimitState | null {
    const bucket = this.#full(name, subject);
    if (bucket === null) {
      return null;
    }
    const left = { ...bucket, tokens: bucket.tokens - 1 };
    const buckets = this.#buckets[name];
    if (!buckets.has(subject) && buckets.size >= MAX_SUBJECTS) {
      this.#makeRoom(name);
    }
    buckets.set(subject, left);
    const limit = this.#rates[name];
    const missing = limit - left.tokens;
    return {
      name,
      limit,
      remaining: Math.floor(left.tokens),
      resetSeconds: Math.ceil((missing * WINDOW_MS) / limit / 1_000),
    };
  }

  /** Throws as `take` does, and counts nothing. */
  check(name: LimitName, subject: string): void {
    this.#full(name, subject);
  }

  /** Counts one; what is over the limit is not counted and not refused here. */
  note(name: LimitName, subject: string): void {
    try {
      this.take(name, subject);
    } catch {
      // Used up already: the next check says so.
    }
  }

  /** As it is now, with at least one token; null without a limit. */
  #full(name: LimitName, subject: string): Bucket | null {
    const limit = this.#rates[name];
    if (limit === 0) {
      return null;
    }
    const now = this.#clock.now();
    const rate = { limit, perMs: WINDOW_MS };
    const bucket = refill(this.#buckets[name].get(subject) ?? null, rate, now);
    if (bucket.tokens < 1) {
      throw refusal(name, limit, Math.max(1, Math.ceil((nextTokenAt(bucket, rate) - now) / 1_000)));
    }
    return bucket;
  }

  /** Forgets whom it costs nothing to forget, and the older half where that is nobody. */
  #makeRoom(name: LimitName): void {
    const buckets = this.#buckets[name];
    const rate = { limit: this.#rates[name], perMs: WINDOW_MS };
    const now = this.#clock.now();
    for (const [subject, bucket] of buckets) {
      if (refill(bucket, rate, now).tokens >= rate.limit) {
        buckets.delete(subject);
      }
    }
    let surplus = buckets.size - MAX_SUBJECTS / 2;
    for (const subject of buckets.size >= MAX_SUBJECTS ? buckets.keys() : []) {
      if (surplus <= 0) {
        return;
      }
      buckets.delete(subject);
      surplus -= 1;
    }
  }
}

const subjects = {
  address: "requests without a login from one address",
  failures: "refused logins and keys from one address",
  user: "requests of one person",
  key: "requests with one API key",
  workspace: "requests for one workspace",
} as const satisfies Record<LimitName, string>;

function refusal(name: LimitName, limit: number, retryAfterSeconds: number): AppError {
  return new AppError(
    "rate_limited",
    `This installation answers ${limit} ${subjects[name]} a minute, and they are used up; try again in ${retryAfterSeconds} s.`,
    { context: { quota: name, quotaLimit: limit, quotaWindowSeconds: WINDOW_MS / 1_000, retryAfterSeconds } },
  );
}
