/**
 * Server-side bulk work: one action for all runs that a filter finds, in chunks from the alarm, so that it survives
 * restarts and other events get their turns between chunks.
 *
 * A walk goes through the runs in order of arrival, from the oldest to the newest that was there when it began: each is
 * looked at once, and runs triggered meanwhile are not touched. What a chunk did and how far the walk is are one commit;
 * repeating a chunk after a crash finds the runs as the commit left them.
 */
import type { Bulk, BulkAction, BulkFilter, BulkPreview, RunState } from "@cronium/protocol";
import { isTerminal, runStates } from "@cronium/protocol/run-states";
import type { Outcome, Refusal, StartBulkCommand } from "../../domain/dispatcher.ts";
import { cancelRun } from "./cancel.ts";
import { readCause, writeCause } from "./causes.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";

/** Runs looked at, and runs acted on, in one chunk. */
const SPAN = 5_000;
const CHUNK = 200;
const PAUSE_MS = 20;
/** Counting for a preview stops here. */
const MOST_COUNTED = 10_000;
const KEEP_MS = 7 * 86_400_000;

interface Row {
  readonly id: string;
  readonly action: BulkAction;
  readonly filter: string;
  readonly state: Bulk["state"];
  readonly at: number;
  readonly last: number;
  readonly matched: number;
  readonly done: number;
  readonly failed: number;
  readonly reasons: string;
  readonly created_at: number;
  readonly finished_at: number | null;
}

type Reasons = Record<string, { count: number; example: string }>;

/** What an action is for: cancelling says nothing to a run that has ended, or is being cancelled. */
const applies = {
  cancel: (state) => !isTerminal(state) && state !== "cancelling",
} as const satisfies Record<BulkAction, (state: RunState) => boolean>;

export function previewBulk(shell: Shell, action: BulkAction, filter: BulkFilter): BulkPreview {
  const { where, values } = condition(action, filter);
  const matched = shell.sql
    .exec(`SELECT count(*) AS matched FROM (SELECT 1 FROM runs WHERE ${where} LIMIT ${MOST_COUNTED + 1})`, ...values)
    .one()["matched"] as number;
  return { matched: Math.min(matched, MOST_COUNTED), exact: matched <= MOST_COUNTED };
}

export function startBulk(shell: Shell, turn: Turn, command: StartBulkCommand): Outcome<{ readonly bulkId: string }> {
  const { bulkId, causeKey, bodyHash, action, filter } = command;
  const seen = causeKey === null ? null : readCause(shell, "bulk", causeKey, bodyHash, turn.now);
  if (seen !== null) {
    return seen.ok ? { ok: true, value: { bulkId: seen.value } } : seen;
  }
  if (readRow(shell, bulkId) === null) {
    shell.sql.exec(
      `INSERT INTO bulks (id, action, filter, state, at, last, matched, done, failed, reasons, created_at)
       SELECT ?1, ?2, ?3, 'running', 0, coalesce(max(n), 0), 0, 0, 0, '{}', ?4 FROM runs`,
      bulkId,
      action,
      JSON.stringify(filter),
      turn.now,
    );
    if (causeKey !== null) {
      writeCause(shell, turn, { key: causeKey, kind: "bulk", id: bulkId, bodyHash });
    }
    wakeBy(turn, turn.now + PAUSE_MS);
  }
  return { ok: true, value: { bulkId } };
}

export function readBulk(shell: Shell, bulkId: string): Bulk | null {
  const row = readRow(shell, bulkId);
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

/** One chunk of the oldest work there is; in a turn of its own. */
export function stepBulk(shell: Shell, turn: Turn): void {
  const row = oldest(shell);
  if (row === undefined) {
    return;
  }
  const first = shell.sql.exec("SELECT min(n) AS n FROM runs WHERE n > ?", row.at).one()["n"] as number | null;
  const until = Math.min(row.last, (first ?? row.last) + SPAN);
  const { where, values } = condition(row.action, JSON.parse(row.filter) as BulkFilter);
  const found = shell.sql
    .exec(
      `SELECT n, id FROM runs WHERE n > ? AND n <= ? AND ${where} ORDER BY n LIMIT ${CHUNK}`,
      row.at,
      until,
      ...values,
    )
    .toArray();
  const reasons = JSON.parse(row.reasons) as Reasons;
  let done = 0;
  for (const { id } of found) {
    const outcome = cancelRun(shell, turn, id as string);
    if (outcome.ok) {
      done += 1;
    } else {
      const known = reasons[outcome.code];
      reasons[outcome.code] = { count: (known?.count ?? 0) + 1, example: known?.example ?? outcome.message };
    }
  }
  const at = found.length === CHUNK ? (found.at(-1)?.["n"] as number) : until;
  const over = at >= row.last;
  shell.sql.exec(
    `UPDATE bulks SET at = ?2, matched = matched + ?3, done = done + ?4, failed = failed + ?5, reasons = ?6,
       state = ?7, finished_at = ?8 WHERE id = ?1`,
    row.id,
    at,
    found.length,
    done,
    found.length - done,
    JSON.stringify(reasons),
    over ? "finished" : "running",
    over ? turn.now : null,
  );
  if (over) {
    shell.deps.log.info("bulk.finished", { workspaceId: shell.workspaceId, bulkId: row.id, action: row.action });
  }
}

/** After a fault in a chunk, which would be met again: the work ends where it is, and says so. */
export function giveUpBulk(shell: Shell, turn: Turn): void {
  const row = oldest(shell);
  if (row !== undefined) {
    const example = "The control plane failed while acting on a run; its log has the cause.";
    const reasons: Reasons = { ...(JSON.parse(row.reasons) as Reasons), internal: { count: 1, example } };
    shell.sql.exec(
      "UPDATE bulks SET state = 'stopped', finished_at = ?2, failed = failed + 1, reasons = ?3 WHERE id = ?1",
      row.id,
      turn.now,
      JSON.stringify(reasons),
    );
  }
}

function oldest(shell: Shell): Row | undefined {
  return shell.sql
    .exec("SELECT * FROM bulks INDEXED BY bulks_running WHERE state = 'running' ORDER BY created_at LIMIT 1")
    .toArray()[0] as unknown as Row | undefined;
}

export function hasBulk(shell: Shell): boolean {
  return oldest(shell) !== undefined;
}

/** When the alarm should go on with it; infinite without work. */
export function bulkDueAt(shell: Shell, now: number): number {
  return hasBulk(shell) ? now + PAUSE_MS : Number.POSITIVE_INFINITY;
}

export function forgetOldBulks(shell: Shell, now: number): void {
  shell.sql.exec("DELETE FROM bulks WHERE finished_at <= ?", now - KEEP_MS);
}

function readRow(shell: Shell, bulkId: string): Row | null {
  return (
    (shell.sql.exec("SELECT * FROM bulks WHERE id = ?", bulkId).toArray()[0] as unknown as Row | undefined) ?? null
  );
}

function view(row: Row): Bulk {
  return {
    id: row.id,
    action: row.action,
    filter: JSON.parse(row.filter) as BulkFilter,
    state: row.state,
    matched: row.matched,
    done: row.done,
    failed: row.failed,
    reasons: Object.entries(JSON.parse(row.reasons) as Reasons).map(([code, reason]) => ({ code, ...reason })),
    createdAt: new Date(row.created_at).toISOString(),
    finishedAt: row.finished_at === null ? null : new Date(row.finished_at).toISOString(),
  };
}

/** The same filter as that of the list of runs, on the Dispatcher's own rows. */
function condition(
  action: BulkAction,
  filter: BulkFilter,
): { readonly where: string; readonly values: readonly (string | number)[] } {
  const states = runStates.filter((state) => applies[action](state) && (filter.state ?? runStates).includes(state));
  const parts: [string, ...(string | number)[]][] = [
    ["state IN (SELECT value FROM json_each(?))", JSON.stringify(states)],
  ];
  if (filter.eventId !== undefined) {
    parts.push(["event_id = ?", filter.eventId]);
  }
  if (filter.runnerId !== undefined) {
    parts.push(["runner_id = ?", filter.runnerId]);
  }
  if (filter.trigger !== undefined) {
    parts.push(["trigger = ?", filter.trigger]);
  }
  for (const label of filter.label ?? []) {
    parts.push(["EXISTS (SELECT 1 FROM json_each(labels) l WHERE l.key || '=' || l.value = ?)", label]);
  }
  if (filter.from !== undefined) {
    parts.push(["queued_at >= ?", Date.parse(filter.from)]);
  }
  if (filter.to !== undefined) {
    parts.push(["queued_at < ?", Date.parse(filter.to)]);
  }
  if (filter.q !== undefined) {
    parts.push(["event_name LIKE ? ESCAPE '\\'", `%${filter.q.replaceAll(/[\\%_]/g, "\\$&")}%`]);
  }
  return { where: parts.map(([text]) => text).join(" AND "), values: parts.flatMap(([, ...values]) => values) };
}
