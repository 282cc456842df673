/** Decisions about the nominal times of schedules, and their reasons: plain tables without zod, for every screen. */

export const scheduleKinds = ["cron", "interval", "once"] as const;
export type ScheduleKind = (typeof scheduleKinds)[number];

/** What to do with a time that comes while a run of the same schedule is under way. */
export const overlapPolicies = {
  skip: "The new time is skipped.",
  queue_one: "One run waits until the one before has ended; further times are skipped meanwhile.",
  allow: "Both run at once.",
  cancel_previous: "The run under way is cancelled, and the new one starts.",
} as const;
export type OverlapPolicy = keyof typeof overlapPolicies;

/** What to do with times that passed while nothing could decide about them. */
export const catchUpModes = {
  none: "A time that was missed is not made up for.",
  latest: "Of the times that passed, the newest runs.",
  all: "The newest of them run, up to a number.",
} as const;
export type CatchUpMode = keyof typeof catchUpModes;

export const occurrenceDecisions = {
  run: "It became a run.",
  skipped: "It was skipped, as the schedule says.",
  missed: "It was not run.",
} as const;
export type OccurrenceDecision = keyof typeof occurrenceDecisions;

/** Why a nominal time was decided as it was. */
export const occurrenceReasons = {
  due: "It was due.",
  caught_up: "It was made up for, as the catch-up rule says.",
  backfilled: "Somebody asked for it later.",
  waits_for_previous: "It waits until the run before it has ended.",
  overlap: "The previous run of this schedule was still going.",
  blackout: "It lies within a blackout of the schedule.",
  too_late: "It passed while nothing could decide about it, and the catch-up rule leaves it out.",
  paused: "The schedule was paused.",
  refused: "The run was refused.",
} as const;
export type OccurrenceReason = keyof typeof occurrenceReasons;

export const scheduleStates = {
  active: "It fires at its times.",
  paused: "It fires nothing until it is resumed, or its pause ends.",
  ended: "It has no further time.",
} as const;
export type ScheduleState = keyof typeof scheduleStates;

/** Why a schedule is paused. */
export const pauseReasons = {
  user: "Somebody paused it.",
  until: "Somebody paused it for a time.",
  failures: "As many of its runs in a row have failed as it allows.",
} as const;
export type PauseReason = keyof typeof pauseReasons;

/** What the answer to "why did it not run then?" comes to. */
export const whyVerdicts = {
  before_created: "The schedule did not exist yet.",
  in_the_future: "That time has not come yet.",
  no_nominal_time: "The schedule names no time there.",
  paused: "The schedule was paused.",
  ended: "The schedule had ended, or had not begun.",
  ran: "It ran.",
  waiting: "Its run waits.",
  running: "Its run is under way.",
  did_not_start: "Its run ended without a start.",
  skipped: "It was skipped.",
  missed: "It was missed.",
  overdue: "It is due, and is being decided.",
  not_kept: "What was decided then is not kept any more.",
} as const;
export type WhyVerdict = keyof typeof whyVerdicts;
