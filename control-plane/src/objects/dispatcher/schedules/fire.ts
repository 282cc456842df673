/**
 * A due schedule: every nominal time since the last decided one gets its row, its run where it gets one, and the schedule
 * its next time, all in one commit. Whoever repeats it, such as an alarm that is delivered twice, finds nothing due.
 */
import { HOME_SHARD, makeId, shardOf } from "@cronium/protocol/ids";
import { isTerminal } from "@cronium/protocol/run-states";
import type { OccurrenceReason, RunOrigin } from "@cronium/protocol";
import type { EnqueueCommand } from "../../../domain/dispatcher.ts";
import { newRun } from "../../../domain/run.ts";
import { planDue, type Tick } from "../../../domain/schedule/plan.ts";
import { enqueue } from "../enqueue.ts";
import { knownEvent } from "../known-events.ts";
import { readRun, readState } from "../run-rows.ts";
import { act, insertRun } from "../runs.ts";
import { wakeBy, type Shell, type Turn } from "../shell.ts";
import { armed, resumed } from "./arming.ts";
import { planSpec, readSchedule, saveSchedule, writeHistory, type ScheduleRecord } from "./rows.ts";

/** Nominal times that are decided in one turn; more are next turn's. */
const MOST_TICKS = 250;

/** How an occurrence is looked at by later ones. */
export const LIVE = { none: 0, running: 1, held: 2, toPlace: 3, toPlaceApart: 4 } as const;

/** Decides all that is due of a schedule. `early`: also what only its jitter puts off. */
export function fire(
  shell: Shell,
  turn: Turn,
  record: ScheduleRecord,
  { early = false }: { readonly early?: boolean } = {},
): void {
  if (record.pause !== null) {
    if (record.pause.until !== null && record.pause.until <= turn.now) {
      endPause(shell, turn, record, record.pause.until);
    }
    return;
  }
  const spec = planSpec(record);
  const asked = early ? { ...spec, jitterMs: 0 } : spec;
  if (record.definition.overlap === "queue_one") {
    // Of a run that ended unnoticed, as those of shards do.
    startHeld(shell, turn, record);
  }
  const plan = planDue(asked, record, turn.now, MOST_TICKS);
  for (const tick of plan.ticks) {
    decide(shell, turn, record, early ? { ...tick, dueAt: tick.nominalAt + spec.jitterMs } : tick);
  }
  // Deciding may have paused it, or changed its count of failures.
  const now = readSchedule(shell, record.id) ?? record;
  const next = { ...now, cursor: plan.cursor, backlog: plan.backlog };
  const nextFire = plan.more ? turn.now : (plan.next?.dueAt ?? null);
  const fired = { ...next, nextNominal: plan.next?.nominalAt ?? null, nextFire };
  if (nextFire !== null) {
    wakeBy(turn, nextFire);
  }
  saveSchedule(shell, now, now.pause === null ? fired : armed(turn, next));
}

/** A pause that somebody gave an end: nothing that passed meanwhile is made up for. */
function endPause(shell: Shell, turn: Turn, record: ScheduleRecord, until: number): void {
  const active = resumed(turn, record, { until, mode: "none", max: 1 });
  saveSchedule(shell, record, active);
  writeHistory(shell, active, turn.now, "active");
  fire(shell, turn, active);
}

function decide(shell: Shell, turn: Turn, record: ScheduleRecord, tick: Tick): void {
  if (isDecided(shell, record.id, tick.nominalAt)) {
    return;
  }
  switch (tick.verdict) {
    case "too_late":
    case "paused":
      write(shell, turn, record, tick, { decision: "missed", reason: tick.verdict, message: null });
      return;
    case "blackout": {
      const message = tick.note === "" ? null : `It lies within a blackout: ${tick.note}`;
      skip(shell, turn, record, tick, "blackout", message);
      return;
    }
    case "run":
      decideRun(shell, turn, record, tick);
      return;
    default:
      tick.verdict satisfies never;
  }
}

/** Only a backfill, or a clock that went back over an edit, can have been first. */
function isDecided(shell: Shell, scheduleId: string, nominalAt: number): boolean {
  return (
    shell.sql
      .exec("SELECT 1 FROM occurrences WHERE schedule_id = ? AND nominal_at = ?", scheduleId, nominalAt)
      .toArray().length > 0
  );
}

function decideRun(shell: Shell, turn: Turn, record: ScheduleRecord, tick: Tick): void {
  const { overlap } = record.definition;
  // Not those of this very turn: what is made up for together runs together.
  const live = overlap === "allow" ? [] : liveOf(shell, record.id, turn.now);
  const running = live.filter((one) => one.live !== LIVE.held);
  if (running.length === 0 && live.length === 0) {
    start(shell, turn, record, tick, tick.late ? "caught_up" : "due");
    return;
  }
  switch (overlap) {
    case "allow":
    case "skip":
      skip(shell, turn, record, tick, "overlap", overlapMessage(running[0]));
      return;
    case "queue_one":
      if (live.length > running.length) {
        skip(shell, turn, record, tick, "overlap", "One run waits already until the run before it has ended.");
      } else {
        write(shell, turn, record, tick, {
          decision: "run",
          reason: "waits_for_previous",
          message: overlapMessage(running[0]),
          live: LIVE.held,
        });
      }
      return;
    case "cancel_previous":
      for (const { runId } of running) {
        const state = runId === null ? null : readState(shell, runId);
        if (state !== null && !isTerminal(state.run.state)) {
          act(shell, turn, state, { type: "cancel", reason: "superseded" });
        } else if (runId !== null) {
          shell.scheduling.cancel.add(runId);
        }
      }
      start(shell, turn, record, tick, tick.late ? "caught_up" : "due");
      return;
    default:
      overlap satisfies never;
  }
}

function overlapMessage(one: LiveOccurrence | undefined): string | null {
  return one === undefined ? null : `The run of ${new Date(one.nominalAt).toISOString()} was still going.`;
}

interface LiveOccurrence {
  readonly nominalAt: number;
  readonly runId: string | null;
  readonly live: number;
}

/** Occurrences whose run is under way or is to come, of those that were decided before. */
function liveOf(shell: Shell, scheduleId: string, before = Number.POSITIVE_INFINITY): LiveOccurrence[] {
  const rows = shell.sql
    .exec(
      `SELECT nominal_at, run_id, live FROM occurrences INDEXED BY occurrences_live
       WHERE schedule_id = ? AND live > 0 AND live < 4 AND decided_at < ? ORDER BY nominal_at`,
      scheduleId,
      before,
    )
    .toArray()
    .map((row) => ({
      nominalAt: row["nominal_at"] as number,
      runId: row["run_id"] as string | null,
      live: row["live"] as number,
    }));
  return rows.filter(({ nominalAt, runId, live }) => {
    if (live !== LIVE.running || runId === null || shardOf(runId) !== HOME_SHARD) {
      return true;
    }
    const run = readRun(shell, runId);
    const isOver = run === null || isTerminal(run.state);
    if (isOver) {
      setLive(shell, scheduleId, nominalAt, LIVE.none);
    }
    return !isOver;
  });
}

export function setLive(shell: Shell, scheduleId: string, nominalAt: number, live: number): void {
  shell.sql.exec(
    "UPDATE occurrences SET live = ? WHERE schedule_id = ? AND nominal_at = ?",
    live,
    scheduleId,
    nominalAt,
  );
}

export function commandOf(
  record: ScheduleRecord,
  { nominalAt, reason }: { readonly nominalAt: number; readonly reason: OccurrenceReason },
  runId: string,
  apart = "",
): EnqueueCommand {
  const { id, eventId, definition } = record;
  return {
    runId,
    causeKey: `${id}@${nominalAt}${apart}`,
    bodyHash: "",
    trigger: "schedule",
    input: definition.input === null ? undefined : definition.input,
    options: {},
    target: { kind: "event", eventId },
    origin: originOf(record, nominalAt, reason),
  };
}

function originOf(
  { id, definition }: Pick<ScheduleRecord, "id" | "definition">,
  nominalAt: number,
  reason: OccurrenceReason,
): RunOrigin {
  const at = new Date(nominalAt).toISOString();
  return { type: "schedule", scheduleId: id, scheduleName: definition.name, nominalAt: at, reason };
}

/** The run of a nominal time; its row is written, or brought up to date, whatever comes of it. */
function start(
  shell: Shell,
  turn: Turn,
  record: ScheduleRecord,
  tick: Pick<Tick, "nominalAt" | "dueAt">,
  reason: OccurrenceReason,
): void {
  const runId = makeId("run", turn.now, shell.deps.ids.random(10));
  const outcome = enqueue(shell, turn, commandOf(record, { nominalAt: tick.nominalAt, reason }, runId));
  if (!outcome.ok) {
    write(shell, turn, record, tick, { decision: "missed", reason: "refused", message: outcome.message });
    return;
  }
  const { placement } = outcome.value;
  if (placement !== undefined) {
    wakeBy(turn, turn.now);
  }
  const live = placement === undefined ? LIVE.running : LIVE.toPlace;
  write(shell, turn, record, tick, { decision: "run", reason, message: null, runId: outcome.value.runId, live });
}

/** The time that waited for the run before it, if there is one and nothing else is under way. */
export function startHeld(shell: Shell, turn: Turn, record: ScheduleRecord): void {
  const live = liveOf(shell, record.id);
  // Times that were made up for together may all wait; they follow one another.
  const held = live.find((one) => one.live === LIVE.held);
  if (held === undefined || live.some((one) => one.live !== LIVE.held)) {
    return;
  }
  const { nominalAt } = held;
  const dueAt = nominalAt + planSpec(record).jitterMs;
  const decidedAt = readDecidedAt(shell, record.id, nominalAt);
  shell.sql.exec("DELETE FROM occurrences WHERE schedule_id = ? AND nominal_at = ?", record.id, nominalAt);
  start(shell, turn, record, { nominalAt, dueAt }, "due");
  shell.sql.exec(
    "UPDATE occurrences SET decided_at = ? WHERE schedule_id = ? AND nominal_at = ?",
    decidedAt,
    record.id,
    nominalAt,
  );
}

function readDecidedAt(shell: Shell, scheduleId: string, nominalAt: number): number {
  return shell.sql
    .exec("SELECT decided_at FROM occurrences WHERE schedule_id = ? AND nominal_at = ?", scheduleId, nominalAt)
    .one()["decided_at"] as number;
}

/** A time that waits will not come to run. */
export function dropHeld(shell: Shell, turn: Turn, record: ScheduleRecord, message: string): void {
  const held = shell.sql
    .exec("SELECT nominal_at, due_at FROM occurrences WHERE schedule_id = ? AND live = ?", record.id, LIVE.held)
    .toArray();
  for (const row of held) {
    const tick = { nominalAt: row["nominal_at"] as number, dueAt: row["due_at"] as number };
    skip(shell, turn, record, tick, "overlap", message);
  }
}

/** A skipped time is a run too, so that it shows where people look for it. */
function skip(
  shell: Shell,
  turn: Turn,
  record: ScheduleRecord,
  tick: Pick<Tick, "nominalAt" | "dueAt">,
  reason: "overlap" | "blackout",
  message: string | null,
): void {
  const known = knownEvent(shell, record.eventId);
  let runId: string | null = null;
  if (known !== null) {
    const { event, definition, wishes } = known;
    runId = makeId("run", turn.now, shell.deps.ids.random(10));
    const run = newRun(
      {
        id: runId,
        trigger: "schedule",
        eventId: event.id,
        eventName: event.name,
        eventVersion: event.version,
        definition,
        queue: event.queue,
        priority: event.priority,
        wishes,
        origin: originOf(record, tick.nominalAt, reason),
      },
      turn.now,
    );
    const input = record.definition.input ?? event.defaultInput;
    const skipped = { ...run, state: "skipped", skipReason: reason, message, finishedAt: turn.now } as const;
    insertRun(shell, turn, skipped, { input, definition: null });
  }
  write(shell, turn, record, tick, { decision: "skipped", reason, message, runId });
}

interface Written {
  readonly decision: "run" | "skipped" | "missed";
  readonly reason: OccurrenceReason;
  readonly message: string | null;
  readonly runId?: string | null;
  readonly live?: number;
}

export function write(
  shell: Shell,
  turn: Turn,
  record: Pick<ScheduleRecord, "id" | "eventId">,
  { nominalAt, dueAt }: Pick<Tick, "nominalAt" | "dueAt">,
  { decision, reason, message, runId = null, live = LIVE.none }: Written,
): void {
  shell.sql.exec(
    `INSERT OR REPLACE INTO occurrences
       (schedule_id, nominal_at, event_id, due_at, decision, reason, message, decided_at, run_id, started_late, live)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)`,
    record.id,
    nominalAt,
    record.eventId,
    dueAt,
    decision,
    reason,
    message,
    turn.now,
    runId,
    live,
  );
}
