/** `/api/v1/bulk`: one action for all runs that a filter finds, done by the control plane itself. */
import * as z from "zod";
import { idSchema } from "../ids.ts";
import { RunFilter } from "./runs.ts";

/**
 * `cancel`: runs that have not ended. `retry`: a new run for each that has ended before the work began, by default in
 * any state but `succeeded`. `requeue`: dead letters go back into the queue, as the same runs.
 */
export const bulkActions = ["cancel", "retry", "requeue"] as const;
export type BulkAction = (typeof bulkActions)[number];

export const BulkId = idSchema("bulk");

/** Must name something: an action on everything is asked for by `state`. */
export const BulkFilter = z
  .strictObject({
    ...RunFilter.shape,
    /** Dead letters alone: those that used up their retries. */
    deadLetter: z.literal(true).optional(),
  })
  .refine((filter) => Object.values(filter).some((value) => value !== undefined), {
    message: "must name at least one of state, eventId, runnerId, trigger, label, from, to, q, deadLetter",
  });
export type BulkFilter = z.infer<typeof BulkFilter>;

export const StartBulk = z
  .strictObject({
    action: z.enum(bulkActions),
    filter: BulkFilter,
    /** Only says how many runs it would be. A retry is counted in the list of runs, which is some moments behind. */
    dryRun: z.boolean().default(false),
  })
  .meta({ id: "StartBulk" });
export type StartBulk = z.infer<typeof StartBulk>;

export const BulkPreview = z
  .strictObject({
    matched: z.int().min(0),
    /** False: there are more; counting stops at 10,000. */
    exact: z.boolean(),
  })
  .meta({ id: "BulkPreview" });
export type BulkPreview = z.infer<typeof BulkPreview>;

export const BulkAccepted = z.strictObject({ bulkId: BulkId }).meta({ id: "BulkAccepted" });

export const Bulk = z
  .strictObject({
    id: BulkId,
    action: z.enum(bulkActions),
    filter: BulkFilter,
    /** `stopped`: somebody cancelled it; what was done stays done. */
    state: z.enum(["running", "finished", "stopped"]),
    /** So far: found, acted on, and refused. */
    matched: z.int().min(0),
    done: z.int().min(0),
    failed: z.int().min(0),
    /** Why, by error code. */
    reasons: z.array(z.strictObject({ code: z.string(), count: z.int().min(1), example: z.string() })),
    createdAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Bulk" });
export type Bulk = z.infer<typeof Bulk>;
