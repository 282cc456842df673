/** Schedules and what became of their times: kept by the workspace's own Dispatcher, lists too. */
import type {
  Backfill,
  CreateSchedule,
  Lateness,
  Occurrence,
  OccurrenceListQuery,
  PauseSchedule,
  PreviewSchedule,
  ResumeSchedule,
  Schedule,
  ScheduleListQuery,
  SchedulePreview,
  StartBackfill,
  UpdateSchedule,
  WhyAnswer,
} from "@cronium/protocol";
import { AppError } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import type { Deps } from "../deps.ts";
import { stampOf, type Act } from "../domain/act.ts";
import type { Actor } from "../domain/actor.ts";
import { sentenceOf, timingProblem } from "../domain/schedule/check.ts";
import { previewTimes } from "../domain/schedule/preview.ts";
import { answerWhy, meantBy } from "../domain/schedule/why.ts";
import { unwrap } from "./outcome.ts";
import { pageFrom, readCursor } from "./page-cursor.ts";
import { findRun } from "./runs.ts";

export interface PageOf<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

function noSchedule(scheduleId: string): AppError {
  return new AppError("not_found", `There is no schedule ${scheduleId}.`);
}

/** Those that were made first come first. */
export async function listSchedules(deps: Deps, actor: Actor, query: ScheduleListQuery): Promise<PageOf<Schedule>> {
  const after = readCursor(query.cursor)?.id ?? "";
  const dispatcher = deps.dispatcherFor(actor.workspaceId);
  const rows = await dispatcher.listSchedules({ eventId: query.eventId, after, limit: query.limit + 1 });
  const page = pageFrom(rows, query.limit, (row) => ({ at: 0, id: row.id }));
  return { items: [...page.items], nextCursor: page.nextCursor };
}

export async function getSchedule(deps: Deps, actor: Actor, scheduleId: string): Promise<Schedule> {
  const schedule = await deps.dispatcherFor(actor.workspaceId).getSchedule(scheduleId);
  if (schedule === null) {
    throw noSchedule(scheduleId);
  }
  return schedule;
}

export async function createSchedule(deps: Deps, act: Act, schedule: CreateSchedule): Promise<Schedule> {
  const scheduleId = makeId("schedule", deps.clock.now(), deps.ids.random(10));
  const command = { scheduleId, schedule, by: stampOf(act) };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).createSchedule(command));
}

/** `ifVersion` null: whatever it is at. */
export async function updateSchedule(
  deps: Deps,
  act: Act,
  scheduleId: string,
  change: UpdateSchedule,
  ifVersion: number | null,
): Promise<Schedule> {
  const command = { scheduleId, change, ifVersion, by: stampOf(act) };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).updateSchedule(command));
}

export async function deleteSchedule(
  deps: Deps,
  act: Act,
  scheduleId: string,
  ifVersion: number | null,
): Promise<void> {
  const command = { scheduleId, ifVersion, by: stampOf(act) };
  unwrap(await deps.dispatcherFor(act.actor.workspaceId).deleteSchedule(command));
}

export async function pauseSchedule(deps: Deps, act: Act, scheduleId: string, pause: PauseSchedule): Promise<Schedule> {
  const command = { scheduleId, pause, by: stampOf(act) };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).pauseSchedule(command));
}

export async function resumeSchedule(
  deps: Deps,
  act: Act,
  scheduleId: string,
  resume: ResumeSchedule,
): Promise<Schedule> {
  const command = { scheduleId, resume, by: stampOf(act) };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).resumeSchedule(command));
}

/** What the engine would fire at, by the very function it fires by. Throws what saving it would be refused with. */
export function previewSchedule(deps: Deps, { count, after, ...spec }: PreviewSchedule): SchedulePreview {
  const now = deps.clock.now();
  const problem = timingProblem(spec, now);
  if (problem !== null) {
    throw new AppError(problem.code, sentenceOf(problem), { errors: [problem] });
  }
  return previewTimes(spec, now, after === undefined ? now : Date.parse(after), count);
}

export async function listOccurrences(
  deps: Deps,
  actor: Actor,
  query: OccurrenceListQuery,
): Promise<PageOf<Occurrence>> {
  const { cursor, limit, from, to, ...filter } = query;
  const at = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));
  const ask = { ...filter, from: at(from), to: at(to), before: readCursor(cursor), limit: limit + 1 };
  const rows = await deps.dispatcherFor(actor.workspaceId).listOccurrences(ask);
  const page = pageFrom(rows, limit, (row) => ({ at: Date.parse(row.nominalAt), id: row.scheduleId }));
  return { items: [...page.items], nextCursor: page.nextCursor };
}

/** Throws `not_found` for a schedule that there is not; null: all of the workspace. */
export async function readLateness(deps: Deps, actor: Actor, scheduleId: string | null): Promise<Lateness> {
  if (scheduleId !== null) {
    await getSchedule(deps, actor, scheduleId);
  }
  return deps.dispatcherFor(actor.workspaceId).lateness(scheduleId);
}

export async function whyNot(deps: Deps, actor: Actor, scheduleId: string, at: string | undefined): Promise<WhyAnswer> {
  const time = at === undefined ? deps.clock.now() : Date.parse(at);
  const facts = await deps.dispatcherFor(actor.workspaceId).whyFacts({ scheduleId, ...meantBy(time) });
  if (facts === null) {
    throw noSchedule(scheduleId);
  }
  const runId = facts.occurrence?.runId ?? null;
  const run = runId === null ? null : await findRun(deps, actor.workspaceId, runId);
  return answerWhy(time, facts, run, deps.clock.now());
}

export async function startBackfill(deps: Deps, act: Act, scheduleId: string, ask: StartBackfill): Promise<Backfill> {
  const backfillId = makeId("backfill", deps.clock.now(), deps.ids.random(10));
  const command = { scheduleId, backfillId, ask, by: stampOf(act) };
  return unwrap(await deps.dispatcherFor(act.actor.workspaceId).startBackfill(command));
}

export async function getBackfill(deps: Deps, actor: Actor, backfillId: string): Promise<Backfill> {
  const backfill = await deps.dispatcherFor(actor.workspaceId).getBackfill(backfillId);
  if (backfill === null) {
    throw new AppError("not_found", `There is no backfill ${backfillId}.`);
  }
  return backfill;
}
