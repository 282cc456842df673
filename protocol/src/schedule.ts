/** Schedules: when an event is triggered by the clock, and what became of each of those times. */
import * as z from "zod";
import { Name } from "./event.ts";
import { idSchema } from "./ids.ts";
import { JsonValue } from "./json.ts";
import type { CatchUpMode, OccurrenceDecision, OccurrenceReason, OverlapPolicy } from "./schedule-tables.ts";
import {
  catchUpModes,
  occurrenceDecisions,
  occurrenceReasons,
  overlapPolicies,
  pauseReasons,
  scheduleStates,
} from "./schedule-tables.ts";
import { zoneProblem } from "./zone.ts";

export const ScheduleId = idSchema("schedule");
export const BackfillId = idSchema("backfill");

/** Shortest time between two fires of one schedule, in milliseconds. */
export const MIN_SCHEDULE_GAP_MS = 10_000;
const MAX_INTERVAL_MS = 31_622_400_000;

const keys = <T extends string>(table: Readonly<Record<T, string>>): [T, ...T[]] => Object.keys(table) as [T, ...T[]];

const Instant = z.iso.datetime({ offset: true, message: "must be a time such as 2026-12-24T18:00:00Z" });

/** The name of an IANA time zone, such as `Europe/Berlin` or `UTC`; offsets such as `+02:00` are refused. */
export const TimeZone = z.string().superRefine((zone, context) => {
  const problem = zoneProblem(zone);
  if (problem !== null) {
    context.addIssue({ code: "custom", message: problem, params: { code: "invalid_timezone" } });
  }
});

/** When it fires. What a pattern means, and that it fires at all, is checked where it is saved (`cron.ts`). */
export const Timing = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("cron"),
    /** Five fields, or six with seconds in front, or a nickname such as `@daily`; at most 200 characters. */
    pattern: z.string().max(20_000),
  }),
  z.strictObject({
    kind: z.literal("interval"),
    /** Between two fires: 10 s to 366 days, counted from `startAt`, or from when it was saved. */
    everyMs: z.int().min(MIN_SCHEDULE_GAP_MS).max(MAX_INTERVAL_MS),
  }),
  z.strictObject({ kind: z.literal("once"), at: Instant }),
]);
export type Timing = z.infer<typeof Timing>;

const CalendarDay = z.iso.date();

/**
 * A time in which nothing runs: whole days of the schedule's zone (`2026-12-24` to `2026-12-26`, both included), or from
 * one instant until another (`2026-12-24T18:00:00Z`, the second one not included).
 */
export const Blackout = z
  .strictObject({
    from: z.union([CalendarDay, Instant], "must be a day such as 2026-12-24, or a time such as 2026-12-24T18:00:00Z"),
    until: z.union([CalendarDay, Instant], "must be a day such as 2026-12-26, or a time such as 2026-12-26T06:00:00Z"),
    /** What for; at most 200 characters, empty by default. */
    note: z.string().max(200, "must be at most 200 characters").default(""),
  })
  .superRefine(({ from, until }, context) => {
    const [isDay, isDayToo] = [from.length === 10, until.length === 10];
    if (isDay !== isDayToo) {
      context.addIssue({ code: "custom", path: ["until"], message: "must be a day like from, or a time like from" });
    } else if (isDay ? until < from : Date.parse(until) <= Date.parse(from)) {
      context.addIssue({
        code: "custom",
        path: ["until"],
        message: "must lie behind from",
        params: { code: "out_of_range" },
      });
    }
  });
export type Blackout = z.infer<typeof Blackout>;

/** Times that passed while the control plane was away. */
export const CatchUp = z.strictObject({
  /** `latest` by default. */
  mode: z.enum(keys<CatchUpMode>(catchUpModes)).default("latest"),
  /** With `all`: at most so many, the newest; 1 to 100, 10 by default. */
  max: z.int().min(1).max(100).default(10),
  /** None that is later than this: 0 to 7 days, 1 hour by default. */
  windowMs: z.int().min(0).max(604_800_000).default(3_600_000),
});
export type CatchUp = z.infer<typeof CatchUp>;

const definition = {
  name: Name,
  timing: Timing,
  timezone: TimeZone,
  /** No fire before this; null, the default, for at once. */
  startAt: Instant.nullable(),
  /** No fire after this; null, the default, for never ending. */
  endAt: Instant.nullable(),
  /** Each fire is put off by the same part of this, which the schedule's id decides: 0, the default, to 1 hour. */
  jitterMs: z.int().min(0).max(3_600_000),
  /** `skip` by default. */
  overlap: z.enum(keys<OverlapPolicy>(overlapPolicies)),
  catchUp: CatchUp,
  /** At most 100, none by default. */
  blackouts: z.array(Blackout).max(100, "must hold at most 100 blackouts"),
  /** What its runs get; null, the default, for the default input of the event. */
  input: JsonValue,
  /** Pauses itself when so many of its runs in a row have failed: 1 to 1,000; null, the default, for never. */
  pauseAfterFailures: z.int().min(1).max(1_000).nullable(),
};

/** What a schedule says, as it is kept. */
export const ScheduleDefinition = z.strictObject(definition);
export type ScheduleDefinition = z.infer<typeof ScheduleDefinition>;

/** The same with defaults filled in, as a person or program sends it. */
export const ScheduleDefinitionInput = z.strictObject({
  ...definition,
  /** By default what its timing says. */
  name: definition.name.optional(),
  /** `UTC` by default. */
  timezone: definition.timezone.default("UTC"),
  startAt: definition.startAt.default(null),
  endAt: definition.endAt.default(null),
  jitterMs: definition.jitterMs.default(0),
  overlap: definition.overlap.default("skip"),
  catchUp: definition.catchUp.prefault({}),
  blackouts: definition.blackouts.default([]),
  input: definition.input.default(null),
  pauseAfterFailures: definition.pauseAfterFailures.default(null),
});

/** Milliseconds; null without a run to measure. Of the newest thousand runs of a schedule, or ten thousand of all. */
const Percentiles = z.strictObject({ p50: z.number().nullable(), p99: z.number().nullable(), count: z.int() });

/** How late its runs were, in milliseconds: queued, and started, behind the time they were due. */
export const Lateness = z.strictObject({ queued: Percentiles, started: Percentiles }).meta({ id: "Lateness" });
export type Lateness = z.infer<typeof Lateness>;

/** A schedule as the API returns it. */
export const Schedule = z
  .strictObject({
    ...definition,
    id: z.string(),
    eventId: z.string(),
    eventName: z.string(),
    /** Raised by each change. */
    version: z.int(),
    state: z.enum(keys(scheduleStates)),
    /** Null unless paused. */
    pause: z
      .strictObject({
        reason: z.enum(keys(pauseReasons)),
        message: z.string(),
        since: z.iso.datetime(),
        /** When it goes on by itself; null for never. */
        until: z.iso.datetime().nullable(),
      })
      .nullable(),
    /** Runs that failed since the last one that did not. */
    failuresInRow: z.int(),
    /** The next time it names, and when that is due: later by its share of the jitter. Null without one. */
    nextAt: z.iso.datetime().nullable(),
    nextDueAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Schedule" });
export type Schedule = z.infer<typeof Schedule>;

/** What became of one nominal time. */
export const Occurrence = z
  .strictObject({
    scheduleId: z.string(),
    scheduleName: z.string(),
    eventId: z.string(),
    nominalAt: z.iso.datetime(),
    /** `nominalAt` and its share of the jitter. */
    dueAt: z.iso.datetime(),
    decision: z.enum(keys<OccurrenceDecision>(occurrenceDecisions)),
    reason: z.enum(keys<OccurrenceReason>(occurrenceReasons)),
    /** The reason in one sentence with the values at hand; null where the reason says all. */
    message: z.string().nullable(),
    decidedAt: z.iso.datetime(),
    /** Null for a missed one, and while it waits for the run before it. */
    runId: z.string().nullable(),
    /** From `dueAt` until it was decided. */
    latenessMs: z.int(),
    /** From `dueAt` until its script started; null before that, and where it never did. */
    startLatenessMs: z.int().nullable(),
  })
  .meta({ id: "Occurrence" });
export type Occurrence = z.infer<typeof Occurrence>;
