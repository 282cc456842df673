/**
 * What has to be told to D1, to log rooms and to the workspace's shards, written in the commit of the change itself: one row for each thing, with
 * its newest `rev`. `drain.ts` sends it.
 */
import type { Shell, Turn } from "./shell.ts";

export type OutboxKind = "run" | "event" | "runner" | "room" | "secret" | "variable" | "tell";

export interface OutboxRow {
  readonly kind: OutboxKind;
  readonly id: string;
  readonly rev: number;
}

const RETRY_CAP_MS = 60_000;

/** Written when the turn has decided everything, once for each thing however often it changed. */
export function addToOutbox(turn: Turn, kind: OutboxKind, id: string, rev: number): void {
  turn.outbox.set(`${kind}:${id}`, { kind, id, rev });
}

/** Part of the turn's commit. */
export function writeOutbox(shell: Shell, turn: Turn): void {
  if (turn.outbox.size === 0) {
    return;
  }
  const rows = [...turn.outbox.values()];
  if (rows.length <= FEW) {
    for (const { kind, id, rev } of rows) {
      shell.sql.exec(
        `INSERT INTO outbox (kind, id, rev, at) VALUES (?1, ?2, ?3, ?4) ${NEWEST}`,
        kind,
        id,
        rev,
        turn.now,
      );
    }
    return;
  }
  shell.sql.exec(
    `INSERT INTO outbox (kind, id, rev, at)
     SELECT value->>0, value->>1, value->>2, ?2 FROM json_each(?1) WHERE true ${NEWEST}`,
    JSON.stringify(rows.map(({ kind, id, rev }) => [kind, id, rev])),
    turn.now,
  );
}

/** A statement each is cheaper up to here. */
const FEW = 2;
const NEWEST = "ON CONFLICT (kind, id) DO UPDATE SET rev = excluded.rev";

/** Those with the lowest ids, which are the oldest. */
export function readOutbox(shell: Shell, kind: Exclude<OutboxKind, "room">, limit: number): OutboxRow[] {
  return shell.sql
    .exec("SELECT kind, id, rev FROM outbox WHERE kind = ? ORDER BY id LIMIT ?", kind, limit)
    .toArray() as unknown as OutboxRow[];
}

/** Rooms of runs that D1 knows: when a room archives its log, the page of its run already answers from D1. */
export function readOutboxRooms(shell: Shell, limit: number): OutboxRow[] {
  return shell.sql
    .exec(
      `SELECT kind, id, rev FROM outbox room
       WHERE kind = 'room' AND NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'run' AND id = room.id)
       ORDER BY id LIMIT ?`,
      limit,
    )
    .toArray() as unknown as OutboxRow[];
}

/** Rows whose `rev` is still the one that was sent. */
export function removeFromOutbox(shell: Shell, rows: readonly OutboxRow[]): void {
  if (rows.length > 0) {
    shell.sql.exec(
      `DELETE FROM outbox
       WHERE (kind, id, rev) IN (SELECT value->>0, value->>1, value->>2 FROM json_each(?))`,
      JSON.stringify(rows.map(({ kind, id, rev }) => [kind, id, rev])),
    );
  }
}

/** Whether D1 has all that happened to runs up to this moment. */
export function hasTold(shell: Shell, until: number): boolean {
  return shell.sql.exec("SELECT 1 FROM outbox WHERE kind = 'run' AND at <= ? LIMIT 1", until).toArray().length === 0;
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
