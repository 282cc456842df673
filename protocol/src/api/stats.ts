/** `/api/v1/stats`. */
import * as z from "zod";

const Count = z.int().min(0);

/** Runs of one hour: how many were triggered, and how many ended in which state. */
const StatsHour = z.strictObject({
  /** Its beginning. */
  at: z.iso.datetime(),
  triggered: Count,
  succeeded: Count,
  failed: Count,
  cancelled: Count,
  timedOut: Count,
  expired: Count,
  skipped: Count,
});

export const Stats = z
  .strictObject({
    /** Runs that have not ended, by state. */
    now: z.strictObject({
      queued: Count,
      starting: Count,
      running: Count,
      waiting: Count,
      cancelling: Count,
    }),
    /** Runs that used up their retries and can be requeued. */
    deadLetters: Count.default(0),
    /** Milliseconds that the run which could go first has waited; null when none waits. */
    oldestWaitMs: z.int().min(0).nullable(),
    runners: z.strictObject({ registered: Count, connected: Count }),
    /** The last 24 hours by the clock, oldest first; the newest is not over yet. */
    hours: z.array(StatsHour).length(24),
  })
  .meta({ id: "Stats" });
export type Stats = z.infer<typeof Stats>;
