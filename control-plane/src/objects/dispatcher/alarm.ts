/** What the object does when nobody calls: leases, offers, back-offs, silent runners, the outbox, tidying up. */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { DispatcherApi } from "../../domain/dispatcher.ts";
import { expireAudit } from "./audit.ts";
import { clearUnfinished } from "./calls/artifacts.ts";
import { forgetOldCalls } from "./calls/kept-answers.ts";
import { forgetOldCauses } from "./causes.ts";
import { arm } from "./alarm-clock.ts";
import { archiveDeliveries, archiveDueAt, forgetDeliveries, forgetDueAt } from "./delivery-archive.ts";
import { askDueAt } from "./allowances.ts";
import { askForPlaces } from "./asking.ts";
import { bulkDueAt, forgetOldBulks } from "./bulk.ts";
import { walkRetries } from "./bulk-retry.ts";
import { walkOn } from "./bulk-walk.ts";
import { chainsDueAt, startChained } from "./chains/start.ts";
import { closeUnanswered } from "./handshake.ts";
import { forgetEphemeral, removeVanished, vanishDueAt } from "./ephemeral.ts";
import { handoverDueAt } from "./handovers.ts";
import { settleHandovers } from "./leftovers.ts";
import { finishMoves, movesDueAt } from "./queue-moves.ts";
import { forgetEmptyLanes } from "./lanes.ts";
import { endOverdue, forgiveOutage, tick } from "./leases.ts";
import { drainSoon } from "./drain.ts";
import { backfillDueAt, walkBackfills } from "./schedules/backfill.ts";
import { fireDue } from "./schedules/due.ts";
import { forgetOccurrences } from "./schedules/occurrences.ts";
import { scheduleDueAt } from "./schedules/rows.ts";
import { shardRunsDueAt, tendShardRuns } from "./schedules/shard-runs.ts";
import { countOutbox, drainDueIn } from "./outbox.ts";
import { forgetSilent } from "./polls.ts";
import { expireIfDue, FORGETTABLE, forgetFinished } from "./retention.ts";
import { tellWatched, watchDueAt } from "./relay.ts";
import { newestSign, refreshRunner, unreachableAfterMs } from "./runners.ts";
import { endPauses, pauseDueAt } from "./runner-pause.ts";
import { LIVE } from "./places.ts";
import { hasOldBoxes, missingKeys, reencryptSome } from "./secret-rotation.ts";
import type { Shell, Turn } from "./shell.ts";
import { forgetOldCounters } from "./stats.ts";
import { inTurn } from "./turns.ts";

/** Home looks whether its share of the workspace's places has grown. */
const LOOK_AT_SHARES_MS = 1_000;
const TIDY_EVERY_MS = 600_000;
const TIDY_PAUSE_MS = 200;
/** An alarm this late will not come by itself any more. */
const OVERDUE_MS = 120_000;

/** Never throws: an alarm that fails six times is never called again. */
export function onAlarm(shell: Shell): void {
  shell.alarmAt = null;
  if (shell.line !== null) {
    // Whatever the copy says, storage is asked now and then.
    shell.line.dueAt = 0;
  }
  try {
    // First, because it is the one thing here that people see by the second.
    fireDue(shell);
    walkBackfills(shell);
    forgetSilent(shell);
    inTurn(shell, (turn) => {
      forgiveOutage(shell, turn);
      tick(shell, turn);
      endOverdue(shell, turn);
      removeVanished(shell, turn);
      endPauses(shell, turn);
      for (const runner of shell.fleet.values()) {
        if (runner.connected) {
          refreshRunner(shell, turn, runner.id);
        }
      }
      for (const [runnerId, until] of shell.heldOff) {
        if (until <= turn.now) {
          shell.heldOff.delete(runnerId);
          turn.fleetChanged = true;
        }
      }
      tidy(shell, turn);
      turn.pumpNeeded = true;
    });
    walkOn(shell);
    reencrypt(shell);
    void walkRetries(shell);
    void tendShardRuns(shell);
    void startChained(shell);
    void expireIfDue(shell);
    void clearUnfinished(shell);
    void archiveDeliveries(shell);
    void settleHandovers(shell);
    void finishMoves(shell);
    void askForPlaces(shell);
    void tellWatched(shell);
    if (drainDueIn(shell) !== null) {
      drainSoon(shell);
    }
  } catch (error) {
    shell.deps.log.error("alarm.failed", { workspaceId: shell.workspaceId, error: String(error) });
  } finally {
    arm(shell, Math.min(nextWake(shell), closeUnanswered(shell)));
  }
}

/** A turn of its own, and another one at the next alarm while there is more. */
function reencrypt(shell: Shell): void {
  if (!hasOldBoxes(shell)) {
    return;
  }
  try {
    inTurn(shell, (turn) => reencryptSome(shell, turn));
  } catch (error) {
    shell.deps.log.error("secret.reencrypt_failed", { workspaceId: shell.workspaceId, error: String(error) });
  }
}

/** The watchdog's round, once a minute: an alarm that was lost, or is overdue, is set again. */
export function checkUp(shell: Shell): Awaited<ReturnType<DispatcherApi["check"]>> {
  if (shell.alarmAt !== null && shell.alarmAt < shell.deps.clock.now() - OVERDUE_MS) {
    shell.alarmAt = null;
  }
  arm(shell, nextWake(shell));
  return inTurn(shell, (turn) => {
    shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('checked_at', ?)", String(turn.now));
    return { outboxRows: countOutbox(shell), shards: shell.shards, missingKeys: missingKeys(shell) };
  });
}

/** Everything that will be due, the soonest first; infinite when nothing is. */
function nextWake(shell: Shell): number {
  const now = shell.deps.clock.now();
  const first = (query: string, ...values: SqlStorageValue[]): number =>
    (shell.sql.exec(query, ...values).one()["at"] as number | null) ?? Number.POSITIVE_INFINITY;
  const drain = drainDueIn(shell);
  const silence = unreachableAfterMs(shell);
  const due = [
    first(`SELECT min(deadline_at) AS at FROM attempts WHERE ${LIVE}`),
    first("SELECT min(not_before) AS at FROM runs INDEXED BY runs_due WHERE state = 'queued' AND gate = 'time'"),
    first(
      `SELECT min(expires_at) AS at FROM runs INDEXED BY runs_expiry
       WHERE state = 'queued' AND offered = 0 AND starts = 0 AND expires_at IS NOT NULL`,
    ),
    shell.tickDueAt ?? Number.POSITIVE_INFINITY,
    vanishDueAt(shell),
    pauseDueAt(shell),
    bulkDueAt(shell, now),
    scheduleDueAt(shell),
    backfillDueAt(shell),
    shardRunsDueAt(shell, now),
    chainsDueAt(shell, now),
    archiveDueAt(shell),
    hasOldBoxes(shell) ? now : Number.POSITIVE_INFINITY,
    handoverDueAt(shell, now),
    movesDueAt(shell, now),
    askDueAt(shell),
    watchDueAt(shell),
    shell.shards.length > 0 && shell.places.blocked ? now + LOOK_AT_SHARES_MS : Number.POSITIVE_INFINITY,
    shell.retention.wakeAt,
    drain === null ? Number.POSITIVE_INFINITY : now + drain,
    ...shell.heldOff.values(),
    ...[...shell.fleet.values()]
      .filter((runner) => runner.connected)
      .map((runner) =>
        runner.state === "unreachable" ? now + shell.deps.config.renewMs : (newestSign(shell, runner) ?? now) + silence,
      ),
    Math.max(
      Math.min(
        first(`SELECT min(finished_at) AS at FROM runs INDEXED BY runs_finished WHERE ${FORGETTABLE}`) +
          shell.deps.config.keepFinishedMs,
        forgetDueAt(shell),
      ),
      shell.tidiedAt + tidyEveryMs(shell),
    ),
  ];
  // A little later than now at the earliest: whatever is overdue gets a turn of its own, and other events get theirs.
  return Math.max(Math.min(...due), now + 10);
}

function tidyEveryMs(shell: Shell): number {
  return Math.min(TIDY_EVERY_MS, shell.deps.config.keepFinishedMs);
}

function tidy(shell: Shell, turn: Turn): void {
  if (turn.now - shell.tidiedAt < tidyEveryMs(shell)) {
    return;
  }
  shell.tidiedAt = turn.now;
  forgetOldCauses(shell, turn.now);
  forgetOldCalls(shell, turn.now);
  forgetOldCounters(shell, turn.now);
  forgetOldBulks(shell, turn.now);
  expireAudit(shell, turn);
  forgetEmptyLanes(shell);
  forgetEphemeral(shell, turn.now);
  shell.sql.exec("DELETE FROM debounces WHERE until <= ?", turn.now);
  for (const [runId, until] of shell.watches) {
    if (until <= turn.now) {
      shell.watches.delete(runId);
    }
  }
  shell.sql.exec("DELETE FROM watches WHERE until <= ?", turn.now);
  const isMore = [
    shell.shard === HOME_SHARD && forgetOccurrences(shell, turn),
    shell.shard === HOME_SHARD && forgetDeliveries(shell, turn),
    forgetFinished(shell, turn),
  ];
  if (isMore.includes(true)) {
    // More comes than is forgotten: go on soon.
    shell.tidiedAt = turn.now - tidyEveryMs(shell) + TIDY_PAUSE_MS;
  }
}
