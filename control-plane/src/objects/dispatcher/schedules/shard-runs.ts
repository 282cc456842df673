/**
 * Scheduled runs whose queue has a shard of its own. Home decides; the shard makes the run under the id that home has
 * noted down, and is asked how it ended when the schedule is due again. Every step may be repeated.
 */
import { HOME_SHARD, shardOf } from "@cronium/protocol/ids";
import { isTerminal } from "@cronium/protocol/run-states";
import type { OccurrenceReason, Run } from "@cronium/protocol";
import type { EnqueueCommand, Enqueued, Outcome } from "../../../domain/dispatcher.ts";
import { systemStamp } from "../../../domain/act.ts";
import { dispatcherOfRun } from "../../../services/dispatchers.ts";
import { findPastRun } from "../../../services/runs.ts";
import { follow } from "../../../services/placement.ts";
import { arm } from "../alarm-clock.ts";
import { enqueue } from "../enqueue.ts";
import type { Shell } from "../shell.ts";
import { inTurn } from "../turns.ts";
import { settleRun } from "./ended.ts";
import { commandOf, fire, LIVE, setLive } from "./fire.ts";
import { readSchedule, type ScheduleRecord } from "./rows.ts";

const BATCH = 100;
const AFTER_FAILURE_MS = 2_000;

/** Whether its shards are to be asked first; they are then, by `tendShardRuns`. */
export function waitsForShards(shell: Shell, record: ScheduleRecord): boolean {
  if (
    shell.shards.length === 0 ||
    record.definition.overlap === "allow" ||
    liveInShards(shell, record.id).length === 0
  ) {
    return false;
  }
  shell.scheduling.ask.add(record.id);
  return true;
}

/** When there is something to place or to ask; infinite without. */
export function shardRunsDueAt(shell: Shell, now: number): number {
  if (shell.shards.length === 0 || shell.shard !== HOME_SHARD) {
    return Number.POSITIVE_INFINITY;
  }
  const waits = shell.scheduling.ask.size + shell.scheduling.cancel.size > 0 || toPlace(shell).length > 0;
  return waits ? Math.max(now, shell.scheduling.dueAt) : Number.POSITIVE_INFINITY;
}

/** Never throws; what a shard did not answer is asked again. */
export async function tendShardRuns(shell: Shell): Promise<void> {
  const { scheduling } = shell;
  const { clock, log } = shell.deps;
  if (scheduling.busy || shardRunsDueAt(shell, clock.now()) > clock.now()) {
    return;
  }
  scheduling.busy = true;
  try {
    await placeRuns(shell);
    await cancelRuns(shell);
    for (const scheduleId of [...scheduling.ask]) {
      await askEnds(shell, scheduleId);
      scheduling.ask.delete(scheduleId);
    }
    scheduling.dueAt = 0;
  } catch (error) {
    scheduling.dueAt = clock.now() + AFTER_FAILURE_MS;
    log.warn("schedule.shard_silent", { workspaceId: shell.workspaceId, error: String(error) });
  } finally {
    scheduling.busy = false;
    arm(shell, shardRunsDueAt(shell, clock.now()));
  }
}

interface Unplaced {
  readonly scheduleId: string;
  readonly nominalAt: number;
  readonly runId: string;
  readonly live: number;
  readonly reason: OccurrenceReason;
}

function toPlace(shell: Shell): Unplaced[] {
  return shell.sql
    .exec(
      `SELECT schedule_id AS scheduleId, nominal_at AS nominalAt, run_id AS runId, live, reason
       FROM occurrences INDEXED BY occurrences_to_place WHERE live > 2 ORDER BY nominal_at LIMIT ?`,
      BATCH,
    )
    .toArray() as unknown as Unplaced[];
}

async function placeRuns(shell: Shell): Promise<void> {
  const commands: { readonly one: Unplaced; readonly command: EnqueueCommand }[] = [];
  for (const one of toPlace(shell)) {
    const record = readSchedule(shell, one.scheduleId);
    if (record === null) {
      setLive(shell, one.scheduleId, one.nominalAt, LIVE.none);
    } else {
      const { cause } = shell.sql
        .exec("SELECT key AS cause FROM causes WHERE kind = 'run' AND id = ?", one.runId)
        .toArray()[0] ?? { cause: null };
      const command = commandOf(record, one, one.runId);
      commands.push({ one, command: { ...command, causeKey: (cause as string | null) ?? command.causeKey } });
    }
  }
  if (commands.length === 0) {
    return;
  }
  const again = async (some: readonly EnqueueCommand[]): Promise<readonly Outcome<Enqueued>[]> =>
    inTurn(shell, (turn) => some.map((command) => enqueue(shell, turn, command)));
  const list = commands.map(({ command }) => command);
  const made = await follow(shell.deps, shell.workspaceId, list, await again(list), again);
  inTurn(shell, () => {
    for (const [i, { one }] of commands.entries()) {
      const outcome = made[i];
      if (outcome?.ok === true) {
        shell.sql.exec(
          "UPDATE occurrences SET run_id = ?3, live = ?4 WHERE schedule_id = ?1 AND nominal_at = ?2",
          one.scheduleId,
          one.nominalAt,
          outcome.value.runId,
          one.live === LIVE.toPlace ? LIVE.running : LIVE.none,
        );
      } else if (outcome !== undefined && outcome.code !== "not_available") {
        shell.sql.exec(
          `UPDATE occurrences SET run_id = NULL, live = 0, decision = 'missed', reason = 'refused', message = ?3
           WHERE schedule_id = ?1 AND nominal_at = ?2`,
          one.scheduleId,
          one.nominalAt,
          outcome.message,
        );
      }
    }
  });
}

async function cancelRuns(shell: Shell): Promise<void> {
  for (const runId of [...shell.scheduling.cancel]) {
    const dispatcher = await dispatcherOfRun(shell.deps, shell.workspaceId, runId);
    await dispatcher.cancelRun({ runId, by: systemStamp("schedule") });
    shell.scheduling.cancel.delete(runId);
  }
}

function liveInShards(shell: Shell, scheduleId: string): { readonly runId: string; readonly nominalAt: number }[] {
  return shell.sql
    .exec(
      `SELECT run_id AS runId, nominal_at AS nominalAt FROM occurrences INDEXED BY occurrences_live
       WHERE schedule_id = ? AND live > 0 AND live = 1`,
      scheduleId,
    )
    .toArray()
    .filter((row) => shardOf(row["runId"] as string) !== HOME_SHARD) as unknown as {
    runId: string;
    nominalAt: number;
  }[];
}

/** Settles what has ended in shards, and fires the schedule by what is known then. */
async function askEnds(shell: Shell, scheduleId: string): Promise<void> {
  const ended: Run[] = [];
  const gone: number[] = [];
  for (const { runId, nominalAt } of liveInShards(shell, scheduleId)) {
    const dispatcher = await dispatcherOfRun(shell.deps, shell.workspaceId, runId);
    const run = (await dispatcher.getRun(runId)) ?? (await findPastRun(shell.deps, shell.workspaceId, runId));
    if (run === null) {
      gone.push(nominalAt);
    } else if (isTerminal(run.state)) {
      ended.push(run);
    }
  }
  inTurn(shell, (turn) => {
    for (const run of ended) {
      const startedAt = run.startedAt === null ? null : Date.parse(run.startedAt);
      settleRun(shell, turn, { ...run, startedAt });
    }
    for (const nominalAt of gone) {
      setLive(shell, scheduleId, nominalAt, LIVE.none);
    }
    const record = readSchedule(shell, scheduleId);
    if (record !== null && record.nextFire !== null && record.nextFire <= turn.now) {
      fire(shell, turn, record);
    }
  });
}
