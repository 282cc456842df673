/** `/api/v1/runs`. */
import * as z from "zod";
import { EventDefinitionInput, Name } from "../event.ts";
import { JsonValue } from "../json.ts";
import { DEFAULT_QUEUE, Priority, QueueName } from "../queueing.ts";
import { RunSummary } from "../run.ts";
import { runStates, triggers } from "../run-states.ts";
import { TriggerOptions } from "./events.ts";
import { PageQuery, pageOf } from "./page.ts";

/** A script that is run once without being stored as an event. */
export const AdHocRun = EventDefinitionInput.extend({
  ...TriggerOptions.shape,
  queue: QueueName.default(DEFAULT_QUEUE),
  name: Name.default("Ad-hoc script"),
  input: JsonValue.default(null),
}).meta({ id: "AdHocRun" });
export type AdHocRun = z.infer<typeof AdHocRun>;

/** What may be changed of a run while it is queued. */
export const UpdateRun = z.strictObject({ priority: Priority }).meta({ id: "UpdateRun" });
export type UpdateRun = z.infer<typeof UpdateRun>;

/** A new run of what an ended one ran: the same version of its event, and its input unless another is given. */
export const RetryRun = TriggerOptions.extend({ input: JsonValue.optional() }).meta({ id: "RetryRun" });
export type RetryRun = z.infer<typeof RetryRun>;

/** A query parameter given several times, or once with commas. */
function several<T extends z.ZodType>(item: T, most: number) {
  return z.preprocess(
    (value) => (typeof value === "string" ? value.split(",") : value),
    z.array(item).min(1).max(most).optional(),
  );
}

/** What a run must be to be listed: all that is given holds; of several states, any. */
export const RunFilter = z.object({
  state: several(z.enum(runStates), runStates.length),
  eventId: z.string().max(64).optional(),
  runnerId: z.string().max(64).optional(),
  trigger: z.enum(triggers).optional(),
  /** `key=value`, as the run asks of its runner; all of them. */
  label: several(
    z
      .string()
      .regex(/^[^=]+=/, "must be key=value")
      .max(200),
    8,
  ),
  /** Queued at or after. */
  from: z.iso.datetime({ offset: true }).optional(),
  /** Queued before. */
  to: z.iso.datetime({ offset: true }).optional(),
  /** A part of the event's name, in any case. */
  q: z.string().trim().min(1).max(100).optional(),
});
export type RunFilter = z.infer<typeof RunFilter>;

export const RunListQuery = PageQuery.extend(RunFilter.shape).extend({
  /** Those alone that used up their retries and can be requeued. */
  deadLetter: z.literal("true").optional(),
  /** Those alone that a chain started at the end of this run. */
  parentRunId: z.string().max(64).optional(),
});
export type RunListQuery = z.infer<typeof RunListQuery>;

export const RunPage = pageOf(RunSummary, "RunPage");

/** One line of `GET /runs/{id}/logs?format=ndjson`. */
export const LogLine = z
  .strictObject({
    /** Line number from 1, over all attempts and streams. */
    seq: z.int(),
    attempt: z.int(),
    stream: z.string(),
    at: z.iso.datetime(),
    /** Without its line end; bytes that are not UTF-8 appear as U+FFFD. */
    text: z.string(),
  })
  .meta({ id: "LogLine" });
export type LogLine = z.infer<typeof LogLine>;

export const CancelAccepted = z
  .strictObject({ runId: z.string(), state: z.enum(runStates) })
  .meta({ id: "CancelAccepted" });

export const RequeueAccepted = z
  .strictObject({
    runId: z.string(),
    /** As it is now: `queued`, or where it has got to since. */
    state: z.enum(runStates),
    /** False: an earlier request has requeued it, and this one changed nothing. */
    requeued: z.boolean(),
  })
  .meta({ id: "RequeueAccepted" });
export type RequeueAccepted = z.infer<typeof RequeueAccepted>;
