/** `/api/v1/settings`: what holds for the whole workspace. */
import * as z from "zod";

const settings = {
  /** Runs under way at a time, over all events: 1 to 100,000; null, the default, for as many as there are slots. */
  concurrency: z.int().min(1).max(100_000).nullable(),
  /** Days for which runs, their logs and results are kept after they ended: 1 to 3,650, 30 by default. */
  retentionDays: z.int().min(1).max(3_650),
  /** Runs that may wait at a time; a trigger beyond them is refused: 1 to 10,000,000, 1,000,000 by default. */
  queueLimit: z.int().min(1).max(10_000_000),
  /** Triggers accepted in a minute: 1 to 10,000,000, 600,000 by default. */
  triggersPerMinute: z.int().min(1).max(10_000_000),
  /** Days for which entries of the audit are kept: 30 to 3,650, 365 by default. */
  auditRetentionDays: z.int().min(30).max(3_650),
  /** Days for which it is kept what became of the times of schedules: 1 to 3,650, 30 by default. */
  occurrenceRetentionDays: z.int().min(1).max(3_650),
  /** Days for which webhooks that arrived are kept, with their bodies: 14 to 3,650, 15 by default. */
  deliveryRetentionDays: z.int().min(14).max(3_650),
};

export const Settings = z.strictObject(settings).meta({ id: "Settings" });
export type Settings = z.infer<typeof Settings>;

/** Fields to change. */
export const UpdateSettings = z.strictObject(settings).partial().meta({ id: "UpdateSettings" });
export type UpdateSettings = z.infer<typeof UpdateSettings>;
