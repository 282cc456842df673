/** Rate limits: a bucket of `limit` tokens, full at first, filled evenly at `limit` tokens in `perMs`. */

export interface Rate {
  readonly limit: number;
  readonly perMs: number;
}

/** `tokens` as they were at `at`, milliseconds since 1970. */
export interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** What is in the bucket now. A clock that was set back takes nothing away. */
export function refill(bucket: Bucket | null, rate: Rate, now: number): Bucket {
  if (bucket === null) {
    return { tokens: rate.limit, at: now };
  }
  const gained = (Math.max(0, now - bucket.at) * rate.limit) / rate.perMs;
  return { tokens: Math.min(rate.limit, bucket.tokens + gained), at: now };
}

/** When the next whole token is there; `now` when one is. */
export function nextTokenAt(bucket: Bucket, rate: Rate): number {
  const missing = Math.max(0, 1 - bucket.tokens);
  return bucket.at + Math.ceil((missing * rate.perMs) / rate.limit);
}

export function rateMessage(rate: Rate, name: string): string {
  const starts = `${rate.limit} ${rate.limit === 1 ? "start" : "starts"}`;
  return `${name} allows ${starts} in ${duration(rate.perMs)}, which are used up; there is one more every ${duration(rate.perMs / rate.limit)}. Raise the event's rateLimit to start sooner.`;
}

/** For people: the largest unit that gives a short number. */
export function duration(ms: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1_000],
  ] as const;
  for (const [unit, size] of units) {
    if (ms >= size && (ms % size === 0 || unit === "s")) {
      return `${Math.round((ms / size) * 10) / 10} ${unit}`;
    }
  }
  return `${Math.round(ms)} ms`;
}
