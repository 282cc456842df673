/**
 * Answers to what jobs asked, by (run, attempt, key), while the attempt lives: a call that comes again, because its answer
 * was lost, is answered again and decided once. Each lies in the commit of what it answers.
 */
import { createHash } from "node:crypto";
import { KEPT_ANSWERS } from "@cronium/protocol/calls";
import type { AttemptRef, CallOp } from "@cronium/protocol";
import type { CallAnswer } from "../../../domain/calls.ts";
import type { Shell } from "../shell.ts";

/** What an attempt of a shard's run leaves here is forgotten after this; no attempt lives longer than a day. */
const FORGET_MS = 2 * 86_400_000;

/** What the call means apart from its key. */
export function digestOf(op: CallOp): string {
  return createHash("sha256").update(JSON.stringify(op)).digest("base64url");
}

/** Undefined for a new key. */
export function readKept(shell: Shell, { runId, attempt }: AttemptRef, key: string, digest: string) {
  const row = shell.sql
    .exec("SELECT digest, answer FROM calls WHERE run_id = ? AND attempt = ? AND key = ?", runId, attempt, key)
    .toArray()[0];
  if (row === undefined) {
    return undefined;
  }
  return row["digest"] === digest ? (JSON.parse(row["answer"] as string) as CallAnswer) : REUSED;
}

const REUSED: CallAnswer = {
  error: { code: "idempotency_mismatch", message: "This attempt has used the Idempotency-Key for another call." },
};

export function keepAnswer(
  shell: Shell,
  { runId, attempt }: AttemptRef,
  call: { readonly key: string; readonly digest: string; readonly answer: CallAnswer; readonly now: number },
): void {
  const { key, digest, answer, now } = call;
  shell.sql.exec(
    "INSERT INTO calls (run_id, attempt, key, digest, answer, at) VALUES (?, ?, ?, ?, ?, ?)",
    runId,
    attempt,
    key,
    digest,
    JSON.stringify(answer),
    now,
  );
  shell.sql.exec(
    `DELETE FROM calls WHERE run_id = ?1 AND attempt = ?2 AND n <= (
       SELECT n FROM calls WHERE run_id = ?1 AND attempt = ?2 ORDER BY n DESC LIMIT 1 OFFSET ?3)`,
    runId,
    attempt,
    KEPT_ANSWERS,
  );
}

/**
 * Home's fence for runs of shards: from the first word of an attempt on, home does nothing more for those before it. The
 * shard has checked who holds the attempt, but a call that it checked may arrive here after a call of the next attempt.
 */
export function passFence(shell: Shell, { runId, attempt }: AttemptRef, now: number): boolean {
  const row = shell.sql.exec("SELECT attempt FROM fences WHERE run_id = ?", runId).toArray()[0];
  const newest = (row?.["attempt"] ?? 0) as number;
  if (attempt > newest) {
    shell.sql.exec("INSERT OR REPLACE INTO fences (run_id, attempt, at) VALUES (?, ?, ?)", runId, attempt, now);
  }
  return attempt >= newest;
}

export function forgetOldCalls(shell: Shell, now: number): void {
  shell.sql.exec("DELETE FROM calls WHERE at <= ?", now - FORGET_MS);
  shell.sql.exec("DELETE FROM fences WHERE at <= ?", now - FORGET_MS);
  shell.sql.exec("DELETE FROM locks WHERE until <= ?", now - FORGET_MS);
}

/** Attempts that have asked for something, as `<run>:<attempt>`: the end of any other needs no look. */
export function readCallers(sql: SqlStorage): Set<string> {
  const rows = sql.exec("SELECT run_id, attempt FROM calls UNION SELECT run_id, attempt FROM locks").toArray();
  return new Set(rows.map((row) => `${row["run_id"] as string}:${row["attempt"] as number}`));
}

/** The attempt has ended: nobody repeats its calls, and its locks go with it. */
export function endCalls(shell: Shell, { runId, attempt }: AttemptRef): void {
  if (shell.callers.delete(`${runId}:${attempt}`)) {
    shell.sql.exec("DELETE FROM calls WHERE run_id = ? AND attempt = ?", runId, attempt);
    shell.sql.exec("DELETE FROM locks WHERE run_id = ? AND attempt = ?", runId, attempt);
  }
}
