/** The alarm's part: fires what is due, whatever one schedule among many does wrong. */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { Shell } from "../shell.ts";
import { inTurn } from "../turns.ts";
import { fire } from "./fire.ts";
import { readDue, readSchedule } from "./rows.ts";
import { waitsForShards } from "./shard-runs.ts";

/** Schedules in one commit, and commits in one alarm: other events get their turns in between. */
const BATCH = 250;
const MOST_TURNS = 8;
/** A schedule that cannot be decided is tried again after this; its times stay due. */
const PUT_OFF_MS = 30_000;

/** Never throws. */
export function fireDue(shell: Shell): void {
  if (shell.shard !== HOME_SHARD) {
    return;
  }
  for (let turns = 0; turns < MOST_TURNS; turns += 1) {
    const now = shell.deps.clock.now();
    const due = readDue(shell, now, BATCH).filter((record) => !waitsForShards(shell, record));
    if (due.length === 0) {
      return;
    }
    try {
      inTurn(shell, (turn) => {
        for (const record of due) {
          fire(shell, turn, record);
        }
      });
    } catch (error) {
      shell.deps.log.warn("schedule.split", { size: due.length, error: String(error) });
      for (const { id } of due) {
        fireAlone(shell, id);
      }
    }
  }
}

function fireAlone(shell: Shell, scheduleId: string): void {
  try {
    inTurn(shell, (turn) => {
      const record = readSchedule(shell, scheduleId);
      if (record !== null && record.nextFire !== null && record.nextFire <= turn.now) {
        fire(shell, turn, record);
      }
    });
  } catch (error) {
    shell.deps.log.error("schedule.failed", { workspaceId: shell.workspaceId, scheduleId, error: String(error) });
    const until = shell.deps.clock.now() + PUT_OFF_MS;
    try {
      inTurn(shell, () => {
        shell.sql.exec("UPDATE schedules SET next_fire = ? WHERE id = ? AND next_fire IS NOT NULL", until, scheduleId);
      });
    } catch (cause) {
      // The alarm comes again by itself: what is due stays due.
      shell.deps.log.error("schedule.not_put_off", { scheduleId, error: String(cause) });
    }
  }
}
