/** Times in which a schedule runs nothing. */
import type { Blackout } from "./schedule.ts";
import { whenShown } from "./zone.ts";

const DAY_MS = 86_400_000;

export interface Dark {
  /** First instant, and the first one after it; milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  readonly note: string;
}

/** Days are those of `zone`: from their first instant, whatever the clocks do that night. */
export function darkTimes(blackouts: readonly Blackout[], zone: string): readonly Dark[] {
  return blackouts.map(({ from, until, note }) =>
    from.length === 10
      ? {
          from: whenShown(zone, Date.parse(`${from}T00:00:00Z`)).at,
          until: whenShown(zone, Date.parse(`${until}T00:00:00Z`) + DAY_MS).at,
          note,
        }
      : { from: Date.parse(from), until: Date.parse(until), note },
  );
}

/** The one that `at` lies in and that ends last; null when none. */
export function darkAt(times: readonly Dark[], at: number): Dark | null {
  let found: Dark | null = null;
  for (const dark of times) {
    if (dark.from <= at && at < dark.until && (found === null || dark.until > found.until)) {
      found = dark;
    }
  }
  return found;
}
