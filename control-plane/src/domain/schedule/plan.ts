/**
 * What becomes of every nominal time between the last one that was decided and now. Pure, and the only place that knows
 * the catch-up rule; overlap, which depends on runs, is decided where they are.
 *
 * Example: `latest` within an hour, a minute pattern, the control plane away from 10:00:30 until 10:20:10. Due are 10:01
 * to 10:20; 10:20 runs, the other nineteen are `too_late`, each with a row of its own.
 */
import type { CatchUpMode, ScheduleDefinition } from "@cronium/protocol";
import { darkAt, darkTimes, type Dark } from "@cronium/protocol/blackout";
import { nextNominal } from "@cronium/protocol/timing";

/** A decision this close behind its time is on time, whatever the catch-up rule says. */
export const ON_TIME_MS = 30_000;

/** Times that passed while the schedule was paused: those up to `until` are decided as whoever resumed it said. */
export interface Backlog {
  readonly until: number;
  readonly mode: CatchUpMode;
  readonly max: number;
}

export interface PlanSpec {
  readonly definition: ScheduleDefinition;
  readonly anchorAt: number;
  /** Between a nominal time and when it is due. */
  readonly jitterMs: number;
}

export interface Tick {
  readonly nominalAt: number;
  readonly dueAt: number;
  readonly verdict: "run" | "blackout" | "too_late" | "paused";
  /** Made up for: later than what counts as on time, or passed during a pause. */
  readonly late: boolean;
  readonly note: string;
}

export interface Plan {
  /** In order, none twice. */
  readonly ticks: readonly Tick[];
  /** All nominal times up to this are decided. */
  readonly cursor: number;
  /** Null when it is done with. */
  readonly backlog: Backlog | null;
  /** More are due than `limit`; ask again at once. */
  readonly more: boolean;
  /** Null when the schedule has ended. */
  readonly next: { readonly nominalAt: number; readonly dueAt: number } | null;
}

/** `cursor`: all nominal times up to it are decided. Times are milliseconds since 1970. */
export function planDue(
  spec: PlanSpec,
  state: { readonly cursor: number; readonly backlog: Backlog | null },
  now: number,
  limit: number,
): Plan {
  const { definition, anchorAt, jitterMs } = spec;
  const dark = darkTimes(definition.blackouts, definition.timezone);
  const after = (at: number): number | null => nextNominal(definition, anchorAt, at)?.at ?? null;
  const due: number[] = [];
  let next = after(state.cursor);
  while (next !== null && next + jitterMs <= now && due.length < limit) {
    due.push(next);
    next = after(next);
  }
  const more = next !== null && next + jitterMs <= now;
  const groups = groupsOf(definition, state.backlog);
  const ticks: Tick[] = [];
  for (const group of groups) {
    const own = due.filter((at) => group.from < at && at <= group.until);
    const until = Math.min(now - jitterMs, group.until);
    let newer = newerThan(after, dark, { from: own.at(-1) ?? group.from, until, most: group.most });
    const judged: Tick[] = [];
    for (const nominalAt of own.toReversed()) {
      const dueAt = nominalAt + jitterMs;
      const lateMs = now - dueAt;
      const blackout = darkAt(dark, nominalAt);
      const runs = blackout === null && group.runs(newer, lateMs);
      const verdict = blackout === null ? (runs ? "run" : group.otherwise) : "blackout";
      judged.push({ nominalAt, dueAt, verdict, late: group.passed || lateMs > ON_TIME_MS, note: blackout?.note ?? "" });
      newer += blackout === null ? 1 : 0;
    }
    ticks.push(...judged.toReversed());
  }
  const cursor = due.at(-1) ?? state.cursor;
  const isPast = state.backlog !== null && (next === null || next > state.backlog.until);
  return {
    ticks,
    // Between the last time of a pause and its end there is nothing left to decide.
    cursor: isPast && state.backlog !== null ? Math.max(cursor, Math.min(state.backlog.until, now)) : cursor,
    backlog: isPast ? null : state.backlog,
    more,
    next: next === null ? null : { nominalAt: next, dueAt: next + jitterMs },
  };
}

/** Times that are decided by one rule. */
interface Group {
  /** Not included. */
  readonly from: number;
  readonly until: number;
  /** They went by during a pause. */
  readonly passed: boolean;
  /** How many newer ones matter. */
  readonly most: number;
  readonly runs: (newer: number, lateMs: number) => boolean;
  readonly otherwise: "too_late" | "paused";
}

function groupsOf({ catchUp }: ScheduleDefinition, backlog: Backlog | null): readonly Group[] {
  const keep = keptBy(catchUp.mode, catchUp.max);
  const usual: Group = {
    from: backlog?.until ?? Number.NEGATIVE_INFINITY,
    until: Number.POSITIVE_INFINITY,
    passed: false,
    most: keep,
    runs: (newer, lateMs) =>
      catchUp.mode === "none" ? lateMs <= ON_TIME_MS : newer < keep && lateMs <= Math.max(catchUp.windowMs, ON_TIME_MS),
    otherwise: "too_late",
  };
  if (backlog === null) {
    return [usual];
  }
  const asked = keptBy(backlog.mode, backlog.max);
  const paused: Group = {
    from: Number.NEGATIVE_INFINITY,
    until: backlog.until,
    passed: true,
    most: asked,
    runs: (newer) => newer < asked,
    otherwise: "paused",
  };
  return [paused, usual];
}

function keptBy(mode: CatchUpMode, max: number): number {
  return mode === "none" ? 0 : mode === "latest" ? 1 : max;
}

/** Times outside blackouts in (`from`, `until`], counted up to `most`. */
function newerThan(
  after: (at: number) => number | null,
  dark: readonly Dark[],
  { from, until, most }: { readonly from: number; readonly until: number; readonly most: number },
): number {
  let count = 0;
  let at = Number.isFinite(from) ? after(from) : null;
  while (at !== null && at <= until && count < most) {
    const blackout = darkAt(dark, at);
    count += blackout === null ? 1 : 0;
    at = after(blackout === null ? at : Math.max(at, blackout.until - 1));
  }
  return count;
}
