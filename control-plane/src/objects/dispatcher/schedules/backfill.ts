/** Running nominal times of the past: counted first, then made at a rate, from the alarm. */
import type { Backfill } from "@cronium/protocol";
import { HOME_SHARD, makeId } from "@cronium/protocol/ids";
import type { DispatcherApi, Outcome } from "../../../domain/dispatcher.ts";
import { darkAt, darkTimes } from "@cronium/protocol/blackout";
import { nextNominal } from "@cronium/protocol/timing";
import { writeAudit } from "../audit.ts";
import { enqueue } from "../enqueue.ts";
import { wakeBy, type Shell, type Turn } from "../shell.ts";
import { inTurn } from "../turns.ts";
import { commandOf, LIVE, write } from "./fire.ts";
import { planSpec, readSchedule, type ScheduleRecord } from "./rows.ts";

/** Runs of one backfill. */
const MOST = 10_000;
/** Nominal times that are looked at for it. */
const MOST_LOOKED_AT = 200_000;
const BATCH = 100;

interface BackfillRow {
  readonly id: string;
  readonly schedule_id: string;
  readonly cursor: number;
  readonly until: number;
  readonly only_missing: number;
  readonly per_minute: number;
  readonly matched: number;
  readonly done: number;
  readonly due_at: number | null;
}

export function startBackfill(
  shell: Shell,
  turn: Turn,
  { scheduleId, backfillId, ask, by }: Parameters<DispatcherApi["startBackfill"]>[0],
): Outcome<Backfill> {
  const record = readSchedule(shell, scheduleId);
  if (record === null) {
    return { ok: false, code: "not_found", message: `There is no schedule ${scheduleId}.` };
  }
  const known = readBackfill(shell, backfillId);
  if (known !== null) {
    return { ok: true, value: known };
  }
  const from = Date.parse(ask.from);
  // What has not passed yet is the schedule's own.
  const until = Math.min(Date.parse(ask.to), turn.now + 1);
  const times = missingTimes(shell, record, from, until, ask.onlyMissing);
  if (times === null) {
    const message = `There are more than ${MOST} times to run between from and to; choose a shorter range.`;
    return { ok: false, code: "out_of_range", message, errors: [{ pointer: "/from", code: "out_of_range", message }] };
  }
  const iso = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());
  const [first, last] = [iso(times[0]), iso(times.at(-1))];
  if (ask.dryRun) {
    return { ok: true, value: { id: null, matched: times.length, done: 0, state: "counted", first, last } };
  }
  shell.sql.exec(
    `INSERT INTO backfills (id, schedule_id, cursor, until, only_missing, per_minute, matched, done, due_at, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
    backfillId,
    scheduleId,
    from - 1,
    until,
    Number(ask.onlyMissing),
    ask.perMinute,
    times.length,
    times.length === 0 ? null : turn.now,
    turn.now,
  );
  wakeBy(turn, turn.now);
  const { from: start, to, onlyMissing, perMinute } = ask;
  const after = { from: start, to, onlyMissing, perMinute, matched: times.length, backfillId };
  writeAudit(shell, turn, by, { verb: "schedule.backfilled", target: scheduleId, after });
  const state = times.length === 0 ? "finished" : "running";
  return { ok: true, value: { id: backfillId, matched: times.length, done: 0, state, first, last } };
}

export function readBackfill(shell: Shell, backfillId: string): Backfill | null {
  const row = readRow(shell, backfillId);
  return row === null
    ? null
    : {
        id: row.id,
        matched: row.matched,
        done: row.done,
        state: row.due_at === null ? "finished" : "running",
        first: null,
        last: null,
      };
}

function readRow(shell: Shell, backfillId: string): BackfillRow | null {
  const row = shell.sql.exec("SELECT * FROM backfills WHERE id = ?", backfillId).toArray()[0];
  return (row as unknown as BackfillRow | undefined) ?? null;
}

/** Null for too many. */
function missingTimes(
  shell: Shell,
  record: ScheduleRecord,
  from: number,
  until: number,
  onlyMissing: boolean,
): number[] | null {
  const times: number[] = [];
  let looked = 0;
  for (const at of timesOf(record, from - 1, until)) {
    looked += 1;
    if (!onlyMissing || !hasRun(shell, record.id, at)) {
      times.push(at);
    }
    if (times.length > MOST || looked > MOST_LOOKED_AT) {
      return null;
    }
  }
  return times;
}

/** Nominal times outside blackouts, by what the schedule says now, behind `after` and before `until`. */
function* timesOf({ definition, anchorAt }: ScheduleRecord, after: number, until: number): Generator<number> {
  const dark = darkTimes(definition.blackouts, definition.timezone);
  let at = nextNominal(definition, anchorAt, after)?.at ?? null;
  while (at !== null && at < until) {
    const blackout = darkAt(dark, at);
    if (blackout === null) {
      yield at;
    }
    at = nextNominal(definition, anchorAt, blackout === null ? at : Math.max(at, blackout.until - 1))?.at ?? null;
  }
}

function hasRun(shell: Shell, scheduleId: string, nominalAt: number): boolean {
  return (
    shell.sql
      .exec(
        "SELECT 1 FROM occurrences WHERE schedule_id = ? AND nominal_at = ? AND decision = 'run'",
        scheduleId,
        nominalAt,
      )
      .toArray().length > 0
  );
}

export function backfillDueAt(shell: Shell): number {
  const row =
    shell.shard === HOME_SHARD
      ? shell.sql.exec("SELECT min(due_at) AS at FROM backfills WHERE due_at IS NOT NULL").one()
      : null;
  return (row?.["at"] as number | null | undefined) ?? Number.POSITIVE_INFINITY;
}

/** Never throws: what failed is tried again at the next alarm. */
export function walkBackfills(shell: Shell): void {
  const now = shell.deps.clock.now();
  if (backfillDueAt(shell) > now) {
    return;
  }
  try {
    inTurn(shell, (turn) => {
      const due = shell.sql
        .exec("SELECT * FROM backfills WHERE due_at <= ? ORDER BY due_at LIMIT 20", turn.now)
        .toArray();
      for (const row of due as unknown as BackfillRow[]) {
        step(shell, turn, row);
      }
    });
  } catch (error) {
    shell.deps.log.error("backfill.failed", { workspaceId: shell.workspaceId, error: String(error) });
    shell.sql.exec("UPDATE backfills SET due_at = ? WHERE due_at <= ?", now + 10_000, now);
  }
}

/** As many runs as belong into a second, or one where that is less than one. */
function step(shell: Shell, turn: Turn, row: BackfillRow): void {
  const record = readSchedule(shell, row.schedule_id);
  const most = Math.min(BATCH, Math.max(1, Math.floor(row.per_minute / 60)));
  const pauseMs = Math.max(1_000, Math.ceil(60_000 / row.per_minute));
  let { cursor } = row;
  let made = 0;
  let isOver = true;
  for (const at of record === null ? [] : timesOf(record, row.cursor, row.until)) {
    if (made >= most) {
      isOver = false;
      break;
    }
    cursor = at;
    if (record !== null && (row.only_missing === 0 || !hasRun(shell, record.id, at))) {
      run(shell, turn, record, at, row);
      made += 1;
    }
  }
  const dueAt = isOver ? null : turn.now + pauseMs;
  shell.sql.exec(
    "UPDATE backfills SET cursor = ?2, done = done + ?3, due_at = ?4 WHERE id = ?1",
    row.id,
    cursor,
    made,
    dueAt,
  );
  if (dueAt !== null) {
    wakeBy(turn, dueAt);
  }
}

function run(shell: Shell, turn: Turn, record: ScheduleRecord, nominalAt: number, row: BackfillRow): void {
  // A time that has a run gets another one only where that was asked for, and one of each backfill at most.
  const apart = hasRun(shell, record.id, nominalAt) ? `#${row.id}` : "";
  const runId = makeId("run", turn.now, shell.deps.ids.random(10));
  const outcome = enqueue(shell, turn, commandOf(record, { nominalAt, reason: "backfilled" }, runId, apart));
  const tick = { nominalAt, dueAt: nominalAt + planSpec(record).jitterMs };
  if (!outcome.ok) {
    if (apart === "") {
      write(shell, turn, record, tick, { decision: "missed", reason: "refused", message: outcome.message });
    }
    return;
  }
  const live = outcome.value.placement === undefined ? LIVE.none : LIVE.toPlaceApart;
  if (live !== LIVE.none) {
    wakeBy(turn, turn.now);
  }
  write(shell, turn, record, tick, {
    decision: "run",
    reason: "backfilled",
    message: null,
    runId: outcome.value.runId,
    live,
  });
}
