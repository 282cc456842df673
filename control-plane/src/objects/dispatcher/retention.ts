/**
 * Keeps what the workspace's settings and its events say and no more. The Dispatcher forgets a run an hour after D1 has
 * its end; D1 and the blobs forget it after `retentionDays`, in small batches that the alarm begins.
 */
import { HOME_SHARD } from "@cronium/protocol/ids";
import { expireRuns, type Keep } from "../../services/retention.ts";
import { arm } from "./alarm-clock.ts";
import { readSettings } from "./settings.ts";
import type { Shell, Turn } from "./shell.ts";

const BATCH = 500;

const DAY_MS = 86_400_000;
const EVERY_MS = 3_600_000;
const PAUSE_MS = 1_000;
const AFTER_FAILURE_MS = 60_000;

/** Whether there may be more that has served its time. */
export function forgetFinished(shell: Shell, turn: Turn): boolean {
  const gone = shell.sql
    .exec(
      `SELECT id FROM runs INDEXED BY runs_finished
       WHERE finished_at <= ?1 AND finished_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'run' AND id = runs.id)
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'room' AND id = runs.id)
       ORDER BY finished_at LIMIT ?2`,
      turn.now - shell.deps.config.keepFinishedMs,
      BATCH,
    )
    .toArray()
    .map((row) => row["id"] as string);
  shell.recent.forget(gone);
  const list = JSON.stringify(gone);
  for (const [table, key] of [
    ["attempts", "run_id"],
    ["payloads", "run_id"],
    ["runs", "id"],
  ]) {
    shell.sql.exec(`DELETE FROM ${table} WHERE ${key} IN (SELECT value FROM json_each(?))`, list);
  }
  return gone.length === BATCH;
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
    const { deleted, more, nextAt } = await expireRuns(shell.deps, shell.workspaceId, readKeep(shell), clock.now());
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

function readKeep(shell: Shell): Keep {
  const keepMs = readSettings(shell.sql).retentionDays * DAY_MS;
  const events = shell.sql
    .exec<{ id: string; days: number | null }>("SELECT id, retention_days AS days FROM events")
    .toArray();
  const byEvent = events.some(({ days }) => days !== null)
    ? events.map(({ id, days }) => ({ eventId: id, keepMs: days === null ? keepMs : days * DAY_MS }))
    : [];
  return { keepMs, byEvent };
}
