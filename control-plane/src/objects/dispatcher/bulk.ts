/**
 * Server-side bulk work: one action for all runs that a filter finds, in chunks from the alarm, so that it survives
 * restarts and other events get their turns between chunks.
 *
 * Cancelling and requeueing walk over the Dispatcher's own rows (`bulk-walk.ts`), retrying over D1 (`bulk-retry.ts`). Here
 * is what they share: how the work is stored, shown, stopped and counted.
 */
import type { Bulk, BulkAction, BulkFilter } from "@cronium/protocol";
import type { Stamp } from "../../domain/act.ts";
import type { Outcome, Refusal, StartBulkCommand } from "../../domain/dispatcher.ts";
import { writeAudit } from "./audit.ts";
import { readCause, writeCause } from "./causes.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";

/** Between chunks. */
export const PAUSE_MS = 20;
const KEEP_MS = 7 * 86_400_000;

export interface BulkRow {
  readonly id: string;
  readonly action: BulkAction;
  readonly filter: string;
  readonly state: Bulk["state"];
  /** How far the walk over the Dispatcher's own rows is, and where it ends: `runs.n`. */
  readonly at: number;
  readonly last: number;
  readonly matched: number;
  readonly done: number;
  readonly failed: number;
  readonly reasons: string;
  readonly created_at: number;
  readonly finished_at: number | null;
  /** JSON; null for work from before it was stored. */
  readonly by: string | null;
  /** How far the walk over D1 is, as JSON; null before its first step. */
  readonly walked: string | null;
}

type Reasons = Record<string, { count: number; example: string }>;

export function filterOf(row: BulkRow): BulkFilter {
  return JSON.parse(row.filter) as BulkFilter;
}

export function askerOf(row: BulkRow): Stamp["actor"] {
  return row.by === null ? { kind: "api_key", id: "unknown" } : (JSON.parse(row.by) as Stamp["actor"]);
}

export function startBulk(shell: Shell, turn: Turn, command: StartBulkCommand): Outcome<{ readonly bulkId: string }> {
  const { bulkId, causeKey, bodyHash, action, filter, by } = command;
  const seen = causeKey === null ? null : readCause(shell, "bulk", causeKey, bodyHash, turn.now);
  if (seen !== null) {
    return seen.ok ? { ok: true, value: { bulkId: seen.value } } : seen;
  }
  if (readBulkRow(shell, bulkId) === null) {
    shell.sql.exec(
      `INSERT INTO bulks (id, action, filter, state, at, last, matched, done, failed, reasons, created_at, by)
       SELECT ?1, ?2, ?3, 'running', 0, coalesce(max(n), 0), 0, 0, 0, '{}', ?4, ?5 FROM runs`,
      bulkId,
      action,
      JSON.stringify(filter),
      turn.now,
      JSON.stringify(by.actor),
    );
    if (causeKey !== null) {
      writeCause(shell, turn, { key: causeKey, kind: "bulk", id: bulkId, bodyHash });
    }
    wakeBy(turn, turn.now + PAUSE_MS);
  }
  return { ok: true, value: { bulkId } };
}

export function readBulk(shell: Shell, bulkId: string): Bulk | null {
  const row = readBulkRow(shell, bulkId);
  return row === null ? null : view(row);
}

/** Leaves the rest alone. Repeating it, or asking after the end, changes nothing. */
export function stopBulk(shell: Shell, turn: Turn, bulkId: string): Outcome<Bulk> {
  shell.sql.exec(
    "UPDATE bulks SET state = 'stopped', finished_at = ?2 WHERE id = ?1 AND state = 'running'",
    bulkId,
    turn.now,
  );
  const bulk = readBulk(shell, bulkId);
  return bulk === null ? unknown(bulkId) : { ok: true, value: bulk };
}

function unknown(bulkId: string): Refusal {
  return { ok: false, code: "not_found", message: `There is no bulk work ${bulkId}; it is kept for seven days.` };
}

/** What a chunk did, and how far the walk is with it: part of the chunk's commit. One that was stopped stays stopped. */
export function saveChunk(
  shell: Shell,
  turn: Turn,
  row: BulkRow,
  chunk: {
    readonly outcomes: readonly Outcome<unknown>[];
    readonly at: number;
    readonly walked: string | null;
    readonly over: boolean;
  },
): void {
  const { outcomes, at, walked, over } = chunk;
  const reasons = JSON.parse(row.reasons) as Reasons;
  const refusals = outcomes.filter((outcome) => !outcome.ok);
  for (const { code, message } of refusals) {
    const known = reasons[code];
    reasons[code] = { count: (known?.count ?? 0) + 1, example: known?.example ?? message };
  }
  shell.sql.exec(
    `UPDATE bulks SET at = ?2, walked = ?3, matched = matched + ?4, done = done + ?5, failed = failed + ?6, reasons = ?7,
       state = CASE WHEN ?8 AND state = 'running' THEN 'finished' ELSE state END,
       finished_at = CASE WHEN ?8 THEN coalesce(finished_at, ?9) ELSE finished_at END
     WHERE id = ?1`,
    row.id,
    at,
    walked,
    outcomes.length,
    outcomes.length - refusals.length,
    refusals.length,
    JSON.stringify(reasons),
    Number(over),
    turn.now,
  );
  if (over) {
    noteEnd(shell, turn, row);
    shell.deps.log.info("bulk.finished", { workspaceId: shell.workspaceId, bulkId: row.id, action: row.action });
  }
}

/** After a fault in a chunk, which would be met again: the work ends where it is, and says so. */
export function giveUpBulk(shell: Shell, turn: Turn, bulkId: string): void {
  const row = readBulkRow(shell, bulkId);
  if (row !== null) {
    const example = "The control plane failed while acting on a run; its log has the cause.";
    const reasons: Reasons = { ...(JSON.parse(row.reasons) as Reasons), internal: { count: 1, example } };
    shell.sql.exec(
      "UPDATE bulks SET state = 'stopped', finished_at = ?2, failed = failed + 1, reasons = ?3 WHERE id = ?1",
      row.id,
      turn.now,
      JSON.stringify(reasons),
    );
    noteEnd(shell, turn, row);
  }
}

/** The second entry of the work: what came of it here, in the name of who asked. A person's stop has its own. */
function noteEnd(shell: Shell, turn: Turn, row: BulkRow): void {
  const now = readBulkRow(shell, row.id);
  if (now === null || row.state !== "running") {
    return;
  }
  const { id, action, state, matched, done, failed } = now;
  const stamp = { actor: askerOf(row), ip: null, requestId: "" };
  writeAudit(shell, turn, stamp, { verb: "bulk.ended", target: id, after: { action, state, matched, done, failed } });
}

/** The oldest work on the Dispatcher's own rows, or on D1: neither waits for the other. */
export function oldestBulk(shell: Shell, where: "here" | "d1"): BulkRow | undefined {
  return shell.sql
    .exec(
      `SELECT * FROM bulks INDEXED BY bulks_running WHERE state = 'running' AND (action = 'retry') = ?
       ORDER BY created_at LIMIT 1`,
      Number(where === "d1"),
    )
    .toArray()[0] as unknown as BulkRow | undefined;
}

/** When the alarm should go on with it; infinite without work. */
export function bulkDueAt(shell: Shell, now: number): number {
  if (
    shell.sql.exec("SELECT 1 FROM bulks INDEXED BY bulks_running WHERE state = 'running' LIMIT 1").toArray().length ===
    0
  ) {
    return Number.POSITIVE_INFINITY;
  }
  const retry = oldestBulk(shell, "d1") === undefined ? Number.POSITIVE_INFINITY : shell.retries.dueAt;
  const own = oldestBulk(shell, "here") === undefined ? Number.POSITIVE_INFINITY : 0;
  return Math.max(now + PAUSE_MS, Math.min(retry, own));
}

export function forgetOldBulks(shell: Shell, now: number): void {
  shell.sql.exec("DELETE FROM bulks WHERE finished_at <= ?", now - KEEP_MS);
}

export function readBulkRow(shell: Shell, bulkId: string): BulkRow | null {
  return (
    (shell.sql.exec("SELECT * FROM bulks WHERE id = ?", bulkId).toArray()[0] as unknown as BulkRow | undefined) ?? null
  );
}

function view(row: BulkRow): Bulk {
  return {
    id: row.id,
    action: row.action,
    filter: filterOf(row),
    state: row.state,
    matched: row.matched,
    done: row.done,
    failed: row.failed,
    reasons: Object.entries(JSON.parse(row.reasons) as Reasons).map(([code, reason]) => ({ code, ...reason })),
    createdAt: new Date(row.created_at).toISOString(),
    finishedAt: row.finished_at === null ? null : new Date(row.finished_at).toISOString(),
  };
}
