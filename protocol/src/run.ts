/** Runs and attempts as the API returns them. States and reasons are tables in `run-states.ts`. */
import * as z from "zod";
import { Artifact } from "./artifact.ts";
import { ChainedRun } from "./chain.ts";
import { chainEnds } from "./chain-tables.ts";
import { JsonValue } from "./json.ts";
import { attemptStates, runStates, triggers } from "./run-states.ts";

const time = z.iso.datetime().nullable();

/** One try of a run. Times are null until that point is reached. */
export const Attempt = z
  .strictObject({
    attempt: z.int(),
    state: z.enum(attemptStates),
    failReason: z.string().nullable(),
    /** One sentence for people; null unless something went wrong. */
    message: z.string().nullable(),
    runnerId: z.string().nullable(),
    runnerName: z.string().nullable(),
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
    late: z.boolean(),
    offeredAt: z.iso.datetime(),
    acceptedAt: time,
    startedAt: time,
    exitedAt: time,
    finishedAt: time,
  })
  .meta({ id: "Attempt" });
export type Attempt = z.infer<typeof Attempt>;

/** What triggered a run, where there is more to say than the kind of its trigger. */
export const RunOrigin = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("schedule"),
      scheduleId: z.string(),
      /** What the schedule was called then; runs that were stored before this field have none. */
      scheduleName: z.string().optional(),
      /** The time that the schedule names; the run may have been queued later. */
      nominalAt: z.iso.datetime(),
      /** Why it was run, or skipped, a key of `occurrenceReasons`; runs that were stored before this field have none. */
      reason: z.string().optional(),
    }),
    z.strictObject({ type: z.literal("user"), userId: z.string() }),
    z.strictObject({ type: z.literal("api_key"), keyId: z.string() }),
    z.strictObject({
      type: z.literal("webhook"),
      endpointId: z.string(),
      /** What the endpoint was called then. */
      endpointName: z.string(),
      deliveryId: z.string(),
    }),
    /** A run of another event that has ended, by a chain of that event. */
    z.strictObject({
      type: z.literal("chain"),
      runId: z.string(),
      eventId: z.string(),
      eventName: z.string(),
      on: z.enum(chainEnds),
      /** The run that began it all. */
      rootRunId: z.string(),
      /** Runs before this one, 1 to 16. */
      depth: z.int(),
    }),
  ])
  .meta({ id: "RunOrigin" });
export type RunOrigin = z.infer<typeof RunOrigin>;

const summary = {
  id: z.string(),
  /** Null for an ad-hoc script. */
  eventId: z.string().nullable(),
  eventName: z.string(),
  eventVersion: z.int().nullable(),
  runtime: z.string(),
  state: z.enum(runStates),
  /** Why it waits; null unless queued. A key of `queueReasons`. */
  queueReason: z.string().nullable(),
  skipReason: z.string().nullable(),
  /** Why it failed or timed out. A key of `failReasons`. */
  failReason: z.string().nullable(),
  cancelReason: z.string().nullable(),
  /** Why it ended without a start. A key of `expireReasons`. */
  expireReason: z.string().nullable().default(null),
  /** The reason in one sentence that names the values at hand; null when there is nothing to explain. */
  message: z.string().nullable(),
  trigger: z.enum(triggers),
  /** Null for a run whose trigger says all. */
  origin: RunOrigin.nullable().default(null),
  /** The run that this one repeats; null for a run of its own. */
  retryOf: z.string().nullable().default(null),
  /** Number of the newest attempt; 0 before the first offer. */
  attempt: z.int(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  runnerId: z.string().nullable(),
  runnerName: z.string().nullable(),
  queuedAt: z.iso.datetime(),
  /** When the script first started in this attempt. */
  startedAt: time,
  finishedAt: time,
  /** The name that its script gave it; null without one. */
  name: z.string().nullable().default(null),
  /** What its script said of its condition in the newest attempt, the last one; null when it said nothing. */
  condition: z.boolean().nullable().default(null),
  /** How far its script is in the newest attempt; null when it said nothing. */
  progress: z
    .strictObject({
      /** 0 to 1; null where it cannot be told. */
      fraction: z.number().nullable(),
      message: z.string().nullable(),
      at: z.iso.datetime(),
    })
    .nullable()
    .default(null),
  /** Rises with each change of the run; a lower one is older news. */
  rev: z.int(),
};

/** A run in a list. */
export const RunSummary = z.strictObject(summary).meta({ id: "RunSummary" });
export type RunSummary = z.infer<typeof RunSummary>;

/** A run on its own page. */
export const Run = z
  .strictObject({
    ...summary,
    input: JsonValue,
    /** What the script handed to `output()`; null when it did not. */
    output: JsonValue,
    artifacts: z.array(Artifact).default([]),
    logState: z.string(),
    logBytes: z.int(),
    /** No start before this; null unless it waits for a retry, a delay or a debounce. */
    notBefore: time,
    cancelRequestedAt: time,
    attempts: z.array(Attempt),
    timeoutMs: z.int(),
    memoryMb: z.int(),
    /** `process`: directly on the runner's machine, without a container. */
    executor: z.enum(["container", "process"]).default("container"),
    labels: z.record(z.string(), z.string()),
    priority: z.int().default(0),
    queue: z.string().default("default"),
    /** The value that its event's `concurrencyKey` found in the input, as JSON; null without one. */
    concurrencyKey: z.string().nullable().default(null),
    /** When it expires unless it has started; null for never. */
    expiresAt: time.default(null),
    /** What it started when it ended, the newest 50 in their order; empty for an event without chains. */
    chained: z.array(ChainedRun).default([]),
  })
  .meta({ id: "Run" });
export type Run = z.infer<typeof Run>;
