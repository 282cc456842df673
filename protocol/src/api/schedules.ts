/** `/api/v1/schedules` and `/api/v1/occurrences`. */
import * as z from "zod";
import { EventId } from "../ids.ts";
import { occurrenceDecisions, type CatchUpMode, type OccurrenceDecision } from "../schedule-tables.ts";
import { catchUpModes, whyVerdicts, type WhyVerdict } from "../schedule-tables.ts";
import { Occurrence, Schedule, ScheduleDefinitionInput, ScheduleId } from "../schedule.ts";
import { pageOf, PageQuery } from "./page.ts";

const Instant = z.iso.datetime({ offset: true, message: "must be a time such as 2026-12-24T18:00:00Z" });
const mode = z.enum(Object.keys(catchUpModes) as [CatchUpMode, ...CatchUpMode[]]);

export const CreateSchedule = ScheduleDefinitionInput.extend({
  eventId: EventId,
  /** False makes one that is paused; true by default. */
  enabled: z.boolean().default(true),
}).meta({ id: "CreateSchedule" });
export type CreateSchedule = z.infer<typeof CreateSchedule>;

const change = ScheduleDefinitionInput.shape;
/** Fields to change; the others stay. */
export const UpdateSchedule = z
  .strictObject({
    name: change.name,
    timing: change.timing.optional(),
    timezone: change.timezone.removeDefault().optional(),
    startAt: change.startAt.removeDefault().optional(),
    endAt: change.endAt.removeDefault().optional(),
    jitterMs: change.jitterMs.removeDefault().optional(),
    overlap: change.overlap.removeDefault().optional(),
    catchUp: Schedule.shape.catchUp.optional(),
    blackouts: change.blackouts.removeDefault().optional(),
    input: change.input.removeDefault().optional(),
    pauseAfterFailures: change.pauseAfterFailures.removeDefault().optional(),
  })
  .meta({ id: "UpdateSchedule" });
export type UpdateSchedule = z.infer<typeof UpdateSchedule>;

export const SchedulePage = pageOf(Schedule, "SchedulePage");

export const ScheduleListQuery = PageQuery.extend({ eventId: EventId.optional() });
export type ScheduleListQuery = z.infer<typeof ScheduleListQuery>;

/** Pauses a schedule; without `until` for good. */
export const PauseSchedule = z
  .strictObject({
    /** When it goes on by itself, at most 366 days ahead. */
    until: Instant.optional(),
    /** Why; at most 500 characters, empty by default. */
    note: z.string().max(500, "must be at most 500 characters").default(""),
  })
  .meta({ id: "PauseSchedule" });
export type PauseSchedule = z.infer<typeof PauseSchedule>;

/** Resumes a schedule, and says what becomes of the times that passed meanwhile. */
export const ResumeSchedule = z
  .strictObject({
    /** `none`, the default, leaves them out; `latest` runs the newest; `all` the newest ones, up to `max`. */
    catchUp: mode.default("none"),
    /** With `all`: 1 to 100, 10 by default. */
    max: z.int().min(1).max(100).default(10),
  })
  .meta({ id: "ResumeSchedule" });
export type ResumeSchedule = z.infer<typeof ResumeSchedule>;

/** Asks for the next times of a schedule that need not exist. */
export const PreviewSchedule = ScheduleDefinitionInput.pick({
  timing: true,
  timezone: true,
  startAt: true,
  endAt: true,
  blackouts: true,
  jitterMs: true,
})
  .extend({
    /** Times to list: 1 to 100, 5 by default. */
    count: z.int().min(1).max(100).default(5),
    /** From when on; now by default. */
    after: Instant.optional(),
    /** Of an existing schedule: its share of the jitter is then known. */
    scheduleId: ScheduleId.optional(),
  })
  .meta({ id: "PreviewSchedule" });
export type PreviewSchedule = z.infer<typeof PreviewSchedule>;

export const PreviewedFire = z.strictObject({
  nominalAt: z.iso.datetime(),
  /** What the clock of the schedule's zone shows then, such as `2027-03-14T03:00:00-04:00`. */
  local: z.string(),
  /** `moved`: the clock leaves that time out that day. `first_of_two`: it shows it twice. */
  clockChange: z.enum(["moved", "first_of_two"]).nullable(),
  /** The note about it, in one sentence; null without one. */
  note: z.string().nullable(),
  /** It lies within a blackout, and will be skipped. */
  blackout: z.boolean(),
});
export type PreviewedFire = z.infer<typeof PreviewedFire>;

export const SchedulePreview = z
  .strictObject({
    /** The timing as a sentence. */
    sentence: z.string(),
    /** How its clock treats changes, in one sentence; null where they do not matter. */
    clockRule: z.string().nullable(),
    fires: z.array(PreviewedFire),
  })
  .meta({ id: "SchedulePreview" });
export type SchedulePreview = z.infer<typeof SchedulePreview>;

const decision = z.enum(Object.keys(occurrenceDecisions) as [OccurrenceDecision, ...OccurrenceDecision[]]);

export const OccurrenceQuery = PageQuery.extend({
  decision: decision.optional(),
  /** Nominal times from this on, and before that. */
  from: Instant.optional(),
  to: Instant.optional(),
});
export type OccurrenceQuery = z.infer<typeof OccurrenceQuery>;

export const OccurrenceListQuery = OccurrenceQuery.extend({
  scheduleId: ScheduleId.optional(),
  eventId: EventId.optional(),
});
export type OccurrenceListQuery = z.infer<typeof OccurrenceListQuery>;

export const OccurrencePage = pageOf(Occurrence, "OccurrencePage");

export const WhyQuery = z.object({
  /**
   * Any time, now by default; a nominal time within the same minute is what is meant, or within the same second where one
   * is given.
   */
  at: Instant.optional(),
});

/** Why a schedule did or did not run at a time. */
export const WhyAnswer = z
  .strictObject({
    at: z.iso.datetime(),
    verdict: z.enum(Object.keys(whyVerdicts) as [WhyVerdict, ...WhyVerdict[]]),
    /** The answer for people, with the values at hand, and what to do. */
    message: z.string(),
    /** The nominal time that was meant; null when there is none. */
    occurrence: Occurrence.nullable(),
    /** The nominal times around `at`, by what the schedule said then. */
    before: z.iso.datetime().nullable(),
    after: z.iso.datetime().nullable(),
  })
  .meta({ id: "WhyAnswer" });
export type WhyAnswer = z.infer<typeof WhyAnswer>;

/** Runs nominal times of the past. */
export const StartBackfill = z
  .strictObject({
    from: Instant,
    /** Not included. */
    to: Instant,
    /** Only times without a run, true by default; otherwise those that ran get another run. */
    onlyMissing: z.boolean().default(true),
    /** Runs made in a minute: 1 to 6,000, 60 by default. */
    perMinute: z.int().min(1).max(6_000).default(60),
    /** Counts only, true by default: send false to start it. */
    dryRun: z.boolean().default(true),
  })
  .refine(({ from, to }) => Date.parse(from) < Date.parse(to), {
    path: ["to"],
    message: "must lie behind from",
    params: { code: "out_of_range" },
  })
  .meta({ id: "StartBackfill" });
export type StartBackfill = z.infer<typeof StartBackfill>;

/** The nominal times that a backfill runs, and how far it is. */
export const Backfill = z
  .strictObject({
    /** Null for a count. */
    id: z.string().nullable(),
    /** Runs that it makes, or made and makes. */
    matched: z.int(),
    done: z.int(),
    state: z.enum(["counted", "running", "finished"]),
    first: z.iso.datetime().nullable(),
    last: z.iso.datetime().nullable(),
  })
  .meta({ id: "Backfill" });
export type Backfill = z.infer<typeof Backfill>;
