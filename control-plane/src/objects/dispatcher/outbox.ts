/**
 * What has to be told to D1 and to log rooms, written in the commit of the change itself: one row for each thing, with
 * its newest `rev`. `drain.ts` sends it.
 */
import type { Shell, Turn } from "./shell.ts";

export type OutboxKind = "run" | "event" | "runner" | "room";

const RETRY_CAP_MS = 60_000;

export function addToOutbox(shell: Shell, turn: Turn, kind: OutboxKind, id: string, rev: number): void {
  shell.sql.exec(
    `INSERT INTO outbox (kind, id, rev, at) VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (kind, id) DO UPDATE SET rev = excluded.rev`,
    kind,
    id,
    rev,
    turn.now,
  );
  turn.outboxTouched = true;
}

export function countOutbox(shell: Shell): number {
  return shell.sql.exec("SELECT count(*) AS rows FROM outbox").one()["rows"] as number;
}

/** Milliseconds until the alarm should try again; null when there is nothing to send. */
export function drainDueIn(shell: Shell): number | null {
  if (shell.sql.exec("SELECT 1 FROM outbox LIMIT 1").toArray().length === 0) {
    return null;
  }
  return Math.min(RETRY_CAP_MS, 1_000 * 2 ** Math.min(shell.drainFailures, 6));
}
