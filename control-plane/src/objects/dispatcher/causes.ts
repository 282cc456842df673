/** Idempotency-Keys: what each stood for, for 24 hours. The same key with another request is refused. */
import { HOME_SHARD } from "@cronium/protocol/ids";
import { IDEMPOTENCY_TTL_MS } from "@cronium/protocol/limits";
import type { Outcome } from "../../domain/dispatcher.ts";
import type { Shell, Turn } from "./shell.ts";

/** Home has the word on what is a repeat; a shard's own note must not be gone before home's, by another clock. */
const LONGER_IN_SHARDS_MS = 60_000;

function keepMs(shell: Shell): number {
  return shell.shard === HOME_SHARD ? IDEMPOTENCY_TTL_MS : IDEMPOTENCY_TTL_MS + LONGER_IN_SHARDS_MS;
}

type CauseKind = "run" | "event" | "bulk" | "requeue";

/** The id that the key stands for; null when it is new. */
export function readCause(
  shell: Shell,
  kind: CauseKind,
  key: string,
  bodyHash: string,
  now: number,
): Outcome<string> | null {
  const row = shell.sql
    .exec("SELECT kind, id, body_hash FROM causes WHERE key = ? AND at > ?", key, now - keepMs(shell))
    .toArray()[0];
  if (row === undefined) {
    return null;
  }
  if (row["kind"] !== kind || row["body_hash"] !== bodyHash) {
    return {
      ok: false,
      code: "idempotency_mismatch",
      message: "This Idempotency-Key was used for a different request within the last 24 hours.",
    };
  }
  return { ok: true, value: row["id"] as string };
}

export function writeCause(
  shell: Shell,
  turn: Turn,
  cause: {
    readonly key: string;
    readonly kind: CauseKind;
    readonly id: string;
    readonly bodyHash: string;
  },
): void {
  shell.sql.exec(
    "INSERT OR REPLACE INTO causes (key, kind, id, body_hash, at) VALUES (?, ?, ?, ?, ?)",
    cause.key,
    cause.kind,
    cause.id,
    cause.bodyHash,
    turn.now,
  );
}

export function forgetOldCauses(shell: Shell, now: number): void {
  shell.sql.exec("DELETE FROM causes WHERE at <= ?", now - keepMs(shell));
}
