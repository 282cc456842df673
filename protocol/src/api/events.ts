/** `/api/v1/events`. */
import * as z from "zod";
import { Event, EventDefinitionInput, InputSchema, Name } from "../event.ts";
import { JsonValue } from "../json.ts";
import { EventQueueing, EventQueueingInput, MAX_DELAY_MS, Priority } from "../queueing.ts";
import { pageOf } from "./page.ts";

const Description = z.string().max(2_000);

export const CreateEvent = EventDefinitionInput.extend({
  ...EventQueueingInput.shape,
  name: Name,
  description: Description.default(""),
  /** What a run gets that is triggered without an input. */
  defaultInput: JsonValue.default(null),
  /** What the input of every trigger must suit; null takes every input. */
  inputSchema: InputSchema.default(null),
}).meta({ id: "CreateEvent" });
export type CreateEvent = z.infer<typeof CreateEvent>;
/** As a form sends it: how runs wait may be left out, and then has its defaults. */
export type NewEvent = Omit<CreateEvent, keyof EventQueueing | "secrets" | "secretEnv" | "inputSchema"> &
  Partial<EventQueueing & Pick<CreateEvent, "secrets" | "secretEnv" | "inputSchema">>;

/** Fields to change; each save makes a new immutable version. `version` is the one the change is based on. */
export const UpdateEvent = z
  .strictObject({
    version: z.int().min(1),
    name: Name.optional(),
    description: Description.optional(),
    defaultInput: JsonValue.optional(),
    inputSchema: InputSchema.optional(),
    runtime: EventDefinitionInput.shape.runtime.optional(),
    script: EventDefinitionInput.shape.script.optional(),
    timeoutMs: EventDefinitionInput.shape.timeoutMs.unwrap().optional(),
    memoryMb: EventDefinitionInput.shape.memoryMb.unwrap().optional(),
    labels: EventDefinitionInput.shape.labels.unwrap().optional(),
    env: EventDefinitionInput.shape.env.unwrap().optional(),
    mounts: EventDefinitionInput.shape.mounts.unwrap().optional(),
    secrets: EventDefinitionInput.shape.secrets.unwrap().optional(),
    secretEnv: EventDefinitionInput.shape.secretEnv.unwrap().optional(),
    scriptRetries: EventDefinitionInput.shape.scriptRetries.unwrap().optional(),
    maxAttempts: EventDefinitionInput.shape.maxAttempts.unwrap().optional(),
    onLost: EventDefinitionInput.shape.onLost.unwrap().optional(),
    /** Replaces all settings of the container; `{}` takes them away. */
    container: EventDefinitionInput.shape.container,
    ...EventQueueing.partial().shape,
  })
  .meta({ id: "UpdateEvent" });
export type UpdateEvent = z.infer<typeof UpdateEvent>;

/** Something about an event that is stored all the same. */
export const EventNotice = z.strictObject({
  code: z.enum(["mutable_image"]),
  /** JSON pointer to the field it is about. */
  pointer: z.string(),
  /** A sentence for people. */
  message: z.string(),
});
export type EventNotice = z.infer<typeof EventNotice>;

/** The answer to a save; `notices` is absent when there are none. */
export const SavedEvent = Event.extend({ notices: z.array(EventNotice).optional() }).meta({ id: "SavedEvent" });
export type SavedEvent = z.infer<typeof SavedEvent>;

/** An event in a list: without its script, with its latest run. */
export const EventSummary = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    kind: z.string(),
    runtime: z.string(),
    version: z.int(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    /** The newest runs first, at most 30: state and duration in milliseconds (null while unfinished). */
    recentRuns: z.array(z.strictObject({ id: z.string(), state: z.string(), durationMs: z.number().nullable() })),
  })
  .meta({ id: "EventSummary" });
export type EventSummary = z.infer<typeof EventSummary>;

export const EventPage = pageOf(EventSummary, "EventPage");
export const EventVersionPage = pageOf(Event, "EventVersionPage");

/** What a single trigger may ask for beside its event. */
export const TriggerOptions = z.strictObject({
  /** Instead of the event's. */
  priority: Priority.optional(),
  /** Start no earlier than this long after the trigger: 0 to 366 days. Not together with `delayUntil`. */
  delayMs: z.int().min(0).max(MAX_DELAY_MS).optional(),
  /** Start no earlier than this moment, ISO 8601 with Z or an offset, at most 366 days ahead; one in the past is now. */
  delayUntil: z.iso.datetime({ offset: true, message: "must be a moment such as 2027-01-31T08:00:00Z" }).optional(),
});
export type TriggerOptions = z.infer<typeof TriggerOptions>;

/** Without `input` the run gets the event's `defaultInput`. Either must suit its `inputSchema`. */
export const TriggerRun = TriggerOptions.extend({ input: JsonValue.optional() }).meta({ id: "TriggerRun" });
export type TriggerRun = z.infer<typeof TriggerRun>;

export const RunAccepted = z
  .strictObject({
    runId: z.string(),
    /** False when the Idempotency-Key was seen before, or the trigger was debounced into an earlier run. */ created:
      z.boolean(),
  })
  .meta({ id: "RunAccepted" });
export type RunAccepted = z.infer<typeof RunAccepted>;

export const MAX_BATCH_RUNS = 1_000;

/** Up to 1,000 triggers of one event, stored together. */
export const TriggerBatch = z
  .strictObject({
    runs: z
      .array(
        TriggerOptions.extend({
          input: JsonValue.optional(),
          /** What the header is for a single trigger: 1 to 255 printable ASCII characters. */
          idempotencyKey: z
            .string()
            .regex(/^[\x20-\x7e]{1,255}$/, "must be 1 to 255 printable ASCII characters")
            .meta({ code: "invalid_idempotency_key" })
            .optional(),
        }),
      )
      .min(1)
      .max(MAX_BATCH_RUNS, `must hold at most ${MAX_BATCH_RUNS} runs`),
  })
  .meta({ id: "TriggerBatch" });
export type TriggerBatch = z.infer<typeof TriggerBatch>;

/** One answer for each trigger, in the order of the request: a run, or why there is none. */
export const BatchAccepted = z
  .strictObject({
    items: z.array(
      z.strictObject({
        runId: z.string().nullable(),
        created: z.boolean(),
        error: z
          .strictObject({
            code: z.string(),
            message: z.string(),
            /** Each place that is wrong, where several can be. */
            errors: z.array(z.strictObject({ pointer: z.string(), code: z.string(), message: z.string() })).optional(),
          })
          .nullable(),
      }),
    ),
  })
  .meta({ id: "BatchAccepted" });
export type BatchAccepted = z.infer<typeof BatchAccepted>;
