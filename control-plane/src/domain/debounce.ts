/**
 * Debounce: triggers of one event (and one value of its key) that follow one another closely become one run.
 *
 * Trailing: the first trigger makes a run that starts `waitMs` later; each further trigger hands it its own input and
 * moves the start to `waitMs` from now, but never beyond `maxDelayMs` after the first. Leading: the first trigger
 * makes a run that starts at once; further ones within `waitMs` of the trigger before are answered with that run and
 * change nothing, until `maxDelayMs` after the first, when the next trigger makes a run again.
 *
 * Example, trailing, waitMs 10 s, maxDelayMs 25 s: triggers at 0, 8, 16 and 24 s. The start moves to 18, 25 (not 26)
 * and stays at 25 s; the run gets the input of 24 s. A trigger at 26 s makes the next run.
 */
import type { EventQueueing } from "@cronium/protocol";
import { duration } from "./token-bucket.ts";

export type Debounce = NonNullable<EventQueueing["debounce"]>;

/** A run that gathers triggers. Milliseconds since 1970. */
export interface Gathering {
  readonly runId: string;
  readonly firstAt: number;
  /** Triggers before this belong to it. */
  readonly until: number;
}

/** Until when a trigger at `now` keeps the gathering open that began at `firstAt`. */
export function gatherUntil(debounce: Debounce, firstAt: number, now: number): number {
  const latest = debounce.maxDelayMs === null ? Number.POSITIVE_INFINITY : firstAt + debounce.maxDelayMs;
  return Math.min(now + debounce.waitMs, latest);
}

export function debounceMessage(debounce: Debounce, until: number): string {
  const latest = debounce.maxDelayMs === null ? "" : `, at most by ${duration(debounce.maxDelayMs)} in all`;
  return `It gathers further triggers until ${new Date(until).toISOString()}; each one moves its start on by ${duration(debounce.waitMs)}${latest}, and its input is the newest.`;
}
