/**
 * Keeps what the workspace's settings and its events say and no more. The Dispatcher forgets a run an hour after D1 has
 * its end; D1 and the blobs forget it after `retentionDays`, in small batches that the alarm begins. Dead letters stay in
 * the Dispatcher as long as in D1: whether one may still be requeued has one authority, and what it needs is here.
 */
import { HOME_SHARD, shardOf } from "@cronium/protocol/ids";
import { hasShard } from "../../services/dispatchers.ts";
import { expireAccountAudit } from "../../services/account-audit.ts";
import { expireRuns, type Keep } from "../../services/retention.ts";
import { arm } from "./alarm-clock.ts";
import { auditCutoff } from "./audit.ts";
import { countDeadLetters } from "./metrics.ts";
import { readSettings } from "./settings.ts";
import type { Shell, Turn } from "./shell.ts";
import { inTurn } from "./turns.ts";

const BATCH = 500;
/** As the index `runs_finished` has it. */
export const FORGETTABLE = "finished_at IS NOT NULL AND coalesce(fail_reason, '') <> 'retries_exhausted'";

const DAY_MS = 86_400_000;
const EVERY_MS = 3_600_000;
const PAUSE_MS = 1_000;
const AFTER_FAILURE_MS = 60_000;

/** Whether there may be more that has served its time. */
export function forgetFinished(shell: Shell, turn: Turn): boolean {
  const gone = shell.sql
    .exec(
      `SELECT id FROM runs INDEXED BY runs_finished
       WHERE finished_at <= ?1 AND ${FORGETTABLE}
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'run' AND id = runs.id)
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'room' AND id = runs.id)
         AND NOT EXISTS (SELECT 1 FROM chain_starts WHERE run_id = runs.id)
       ORDER BY finished_at LIMIT ?2`,
      turn.now - shell.deps.config.keepFinishedMs,
      BATCH,
    )
    .toArray()
    .map((row) => row["id"] as string);
  deleteRuns(shell, gone);
  return gone.length === BATCH;
}

function deleteRuns(shell: Shell, ids: readonly string[]): void {
  shell.recent.forget(ids);
  const list = JSON.stringify(ids);
  for (const [table, key] of [
    ["attempts", "run_id"],
    ["payloads", "run_id"],
    ["artifacts", "run_id"],
    ["chain_starts", "run_id"],
    ["runs", "id"],
  ]) {
    shell.sql.exec(`DELETE FROM ${table} WHERE ${key} IN (SELECT value FROM json_each(?))`, list);
  }
}

/**
 * Of runs that D1 has kept long enough, those that may go: all that nothing here can change any more. Dead letters are
 * forgotten here first, so that none is requeued whose input and log are being deleted.
 */
export function releaseRuns(shell: Shell, turn: Turn, ids: readonly string[]): string[] {
  const here = shell.sql
    .exec(
      "SELECT id, finished_at, fail_reason FROM runs WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(ids),
    )
    .toArray();
  const live = new Set(here.filter((row) => row["finished_at"] === null).map((row) => row["id"]));
  const dead = here.filter((row) => row["fail_reason"] === "retries_exhausted").map((row) => row["id"] as string);
  deleteRuns(shell, dead);
  countDeadLetters(turn, -dead.length);
  return ids.filter((id) => !live.has(id));
}

/** Each run is let go by the Dispatcher that its id names. */
async function releaseEverywhere(shell: Shell, ids: readonly string[]): Promise<string[]> {
  const released: string[] = [];
  for (const [shard, own] of Map.groupBy(ids, shardOf)) {
    const isOwn = shard === HOME_SHARD || !(await hasShard(shell.deps, shell.workspaceId, shard));
    released.push(
      ...(isOwn
        ? inTurn(shell, (turn) => releaseRuns(shell, turn, own))
        : await shell.deps.dispatcherFor(shell.workspaceId, shard).releaseRuns(own)),
    );
  }
  return released;
}

/** Begins a batch in D1 if one is due. Never throws; a batch that failed is begun again a minute later. */
export async function expireIfDue(shell: Shell): Promise<void> {
  const { clock, log } = shell.deps;
  // D1 holds the runs of all shards: home looks after it for them.
  if (shell.shard !== HOME_SHARD || shell.retention.busy || shell.retention.dueAt > clock.now()) {
    return;
  }
  shell.retention.busy = true;
  // Whatever is changed while D1 is asked is looked at anew.
  shell.retention.dueAt = Number.POSITIVE_INFINITY;
  try {
    const { deleted, more, nextAt } = await expireRuns(
      shell.deps,
      shell.workspaceId,
      { ...readKeep(shell), release: (ids) => releaseEverywhere(shell, ids) },
      clock.now(),
    );
    await expireAccountAudit(shell.deps, shell.workspaceId, auditCutoff(shell, clock.now()));
    const now = clock.now();
    shell.retention.dueAt = Math.min(shell.retention.dueAt, more ? now + PAUSE_MS : now + EVERY_MS);
    // Without a run in D1 nothing will expire by itself: the alarm of the next run looks again.
    // Or the next run is a shard's, and no alarm of this object comes of it.
    const none = shell.shards.length === 0 ? Number.POSITIVE_INFINITY : now + DAY_MS;
    const next = nextAt === null ? none : Math.max(now + EVERY_MS, nextAt);
    shell.retention.wakeAt = shell.retention.dueAt <= now + PAUSE_MS ? shell.retention.dueAt : next;
    if (deleted > 0) {
      log.info("retention.deleted", { workspaceId: shell.workspaceId, runs: deleted });
    }
  } catch (error) {
    shell.retention.dueAt = clock.now() + AFTER_FAILURE_MS;
    shell.retention.wakeAt = shell.retention.dueAt;
    log.warn("retention.failed", { workspaceId: shell.workspaceId, error: String(error) });
  } finally {
    shell.retention.busy = false;
    arm(shell, shell.retention.wakeAt);
  }
}

function readKeep(shell: Shell): Omit<Keep, "release"> {
  const keepMs = readSettings(shell.sql).retentionDays * DAY_MS;
  const events = shell.sql
    .exec<{ id: string; days: number | null }>("SELECT id, retention_days AS days FROM events")
    .toArray();
  const byEvent = events.some(({ days }) => days !== null)
    ? events.map(({ id, days }) => ({ eventId: id, keepMs: days === null ? keepMs : days * DAY_MS }))
    : [];
  return { keepMs, byEvent };
}
