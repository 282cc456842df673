/** What a Dispatcher tells of its own work; `/stats` and `/metrics` are views of it. Times are milliseconds. */
import type { RunState } from "@cronium/protocol";

export interface Histogram {
  readonly bounds: readonly number[];
  /** How many values fell into each bucket alone; those above the last bound are in `count` only. */
  readonly counts: number[];
  sum: number;
  count: number;
}

/** Since this instance of the object began. */
export interface Meters {
  /** From when a run could go to its offer. */
  readonly dispatchMs: Histogram;
  /** Triggers and frames decided in one commit. */
  readonly commitSize: Histogram;
  leasesLost: number;
  retries: number;
  quarantines: number;
}

export interface EngineStats {
  readonly now: number;
  /** Runs that have not ended. */
  readonly live: Readonly<Partial<Record<RunState, number>>>;
  /** Runs that could be requeued. */
  readonly deadLetters: number;
  /** What happened in which hour: `triggered`, or the state that runs ended in. */
  readonly hours: readonly { readonly at: number; readonly name: string; readonly count: number }[];
  /** When the run that could go first was queued; null when none waits. */
  readonly oldestQueuedAt: number | null;
  readonly outboxRows: number;
  /** When the oldest row of the outbox was written; null when it is empty. */
  readonly outboxOldestAt: number | null;
  readonly runners: { readonly registered: number; readonly connected: number; readonly quarantined: number };
  readonly viewers: number;
  readonly meters: Meters;
}
