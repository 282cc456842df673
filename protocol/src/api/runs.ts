/** `/api/v1/runs`. */
import * as z from "zod";
import { EventDefinitionInput, Name } from "../event.ts";
import { JsonValue } from "../json.ts";
import { Priority } from "../queueing.ts";
import { RunSummary } from "../run.ts";
import { runStates } from "../run-states.ts";
import { TriggerOptions } from "./events.ts";
import { PageQuery, pageOf } from "./page.ts";

/** A script that is run once without being stored as an event. */
export const AdHocRun = EventDefinitionInput.extend({
  ...TriggerOptions.shape,
  name: Name.default("Ad-hoc script"),
  input: JsonValue.default(null),
}).meta({ id: "AdHocRun" });
export type AdHocRun = z.infer<typeof AdHocRun>;

/** What may be changed of a run while it is queued. */
export const UpdateRun = z.strictObject({ priority: Priority }).meta({ id: "UpdateRun" });
export type UpdateRun = z.infer<typeof UpdateRun>;

export const RunListQuery = PageQuery.extend({
  state: z.enum(runStates).optional(),
  eventId: z.string().max(64).optional(),
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
