/**
 * How many slots of each profile should wait, from how many were asked for lately. Pure.
 *
 * A profile wants as many as were asked for in the busiest two seconds of the last five minutes, because a slot that
 * was taken is made again within about that time; and at least one for as long as it was asked for in the last hour.
 * Together they get no more than `max`: first one for each profile, those used last before the others, then the rest.
 *
 * Example: a burst of 30 runs an hour ago and one run a minute ago make one slot. A burst of 30 just now makes 30, or
 * as many as there may be.
 */
const BUCKET_MS = 2_000;
const PEAK_WITHIN_MS = 300_000;
/** A profile that nobody asked for in this time is forgotten. */
export const FORGET_AFTER_MS = 3_600_000;

export class Demand {
  private readonly buckets: { readonly at: number; count: number }[] = [];
  lastAt = Number.NEGATIVE_INFINITY;

  /** One slot was asked for; `now` by the monotonic clock, in milliseconds. */
  note(now: number): void {
    this.lastAt = now;
    const last = this.buckets.at(-1);
    if (last !== undefined && now - last.at < BUCKET_MS) {
      last.count += 1;
    } else {
      this.buckets.push({ at: now, count: 1 });
    }
    this.forget(now);
  }

  /** How many slots it wants now; 0 when nobody asked for so long that it is to be forgotten. */
  wanted(now: number): number {
    this.forget(now);
    const busiest = this.buckets.reduce((most, { count }) => Math.max(most, count), 0);
    return now - this.lastAt >= FORGET_AFTER_MS ? 0 : Math.max(1, busiest);
  }

  private forget(now: number): void {
    const old = this.buckets.findIndex(({ at }) => now - at < PEAK_WITHIN_MS);
    this.buckets.splice(0, old < 0 ? this.buckets.length : old);
  }
}

export interface Want {
  readonly key: string;
  readonly wanted: number;
  readonly lastAt: number;
}

/** How many each profile gets, by key. */
export function shareOut(wants: readonly Want[], max: number): Map<string, number> {
  const shares = new Map<string, number>();
  const byUse = wants.toSorted((a, b) => b.lastAt - a.lastAt);
  let left = max;
  for (const floor of [true, false]) {
    for (const { key, wanted } of byUse) {
      const has = shares.get(key) ?? 0;
      const more = Math.min(left, floor ? Math.min(1, wanted) : wanted - has);
      shares.set(key, has + more);
      left -= more;
    }
  }
  return shares;
}
