/** What the end of a scheduled run means for its schedule: settled in the turn in which the run ends. */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { RunRecord } from "../../../domain/run.ts";
import type { Shell, Turn } from "../shell.ts";
import { armed } from "./arming.ts";
import { LIVE, startHeld } from "./fire.ts";
import { readSchedule, saveSchedule, writeHistory, type ScheduleRecord } from "./rows.ts";

/** Runs of shards end elsewhere; home hears of them when their schedule is due (`shard-runs.ts`). */
export function settleSchedules(shell: Shell, turn: Turn): void {
  if (shell.shard !== HOME_SHARD) {
    return;
  }
  // Settling may start runs, and skip none: the list grows by nothing that would have to be settled again.
  for (const run of [...turn.tally.ended]) {
    if (run.origin?.type === "schedule") {
      settleRun(shell, turn, run);
    }
  }
}

type Ended = Pick<RunRecord, "id" | "state" | "startedAt" | "origin" | "message" | "eventName">;

export function settleRun(shell: Shell, turn: Turn, run: Ended): void {
  if (run.origin?.type !== "schedule" || run.state === "skipped") {
    return;
  }
  const { scheduleId } = run.origin;
  const nominalAt = Date.parse(run.origin.nominalAt);
  const changed = shell.sql.exec(
    `UPDATE occurrences SET live = ?4, started_late = ?5 - due_at
     WHERE schedule_id = ?1 AND nominal_at = ?2 AND run_id = ?3 RETURNING reason`,
    scheduleId,
    nominalAt,
    run.id,
    LIVE.none,
    run.startedAt,
  );
  const [occurrence] = changed.toArray();
  if (occurrence === undefined) {
    return;
  }
  const record = readSchedule(shell, scheduleId);
  if (record === null) {
    return;
  }
  // A backfill is what somebody asked for, at a rate of its own: neither a row of failures nor an end of one.
  const counted = occurrence["reason"] === "backfilled" ? record : count(turn, record, run);
  if (counted !== record) {
    saveSchedule(shell, record, counted);
    if (counted.pause !== null && record.pause === null) {
      writeHistory(shell, counted, turn.now, "paused", counted.pause.message);
    }
  }
  if (record.definition.overlap === "queue_one") {
    startHeld(shell, turn, counted);
  }
}

function count(turn: Turn, record: ScheduleRecord, run: Ended): ScheduleRecord {
  const failed = run.state === "failed" || run.state === "timed_out" || run.state === "expired";
  if (!failed && run.state !== "succeeded") {
    return record;
  }
  const failures = failed ? record.failures + 1 : 0;
  if (failures === record.failures) {
    return record;
  }
  const most = record.definition.pauseAfterFailures;
  if (most === null || failures < most || record.pause !== null) {
    return { ...record, failures };
  }
  const last = run.message === null ? "" : ` The last one: ${run.message}`;
  return armed(turn, {
    ...record,
    failures,
    updatedAt: turn.now,
    pause: {
      reason: "failures",
      message: `${failures} of its runs in a row have failed, and it allows ${most}.${last}`.slice(0, 500),
      since: turn.now,
      until: null,
    },
  });
}
