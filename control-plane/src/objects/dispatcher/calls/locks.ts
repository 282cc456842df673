/**
 * Locks of the workspace, by name. One is held by an attempt until it is let go, its time has run out without a renewal,
 * or the attempt ends. `fence` rises with each holder: a clock that jumps may end a lock early, and whatever it protects
 * can tell the newer holder from the older one.
 */
import type { CallOp } from "@cronium/protocol";
import type { CallAnswer, HomeCall } from "../../../domain/calls.ts";
import type { Shell, Turn } from "../shell.ts";

const MAX_LOCKS = 10_000;
/** Somebody who waits comes back after this at the latest. */
const LOOK_AGAIN_MS = 1_000;

type Of<T extends CallOp["do"]> = Extract<CallOp, { do: T }>;

interface LockRow {
  readonly fence: number;
  readonly lock_id: string;
  readonly run_id: string;
  readonly attempt: number;
  readonly until: number;
}

export function takeLock(shell: Shell, turn: Turn, call: HomeCall, { name, ttlMs }: Of<"lock.take">): CallAnswer {
  const held = find(shell, name);
  if (held !== null && held.until > turn.now) {
    const message = `The lock ${name} is held by run ${held.run_id} for ${held.until - turn.now} ms more.`;
    return {
      error: { code: "locked", message, retryAfterMs: Math.min(LOOK_AGAIN_MS, Math.max(1, held.until - turn.now)) },
    };
  }
  const count = shell.sql.exec("SELECT count(*) AS count FROM locks").one()["count"] as number;
  if (count >= MAX_LOCKS && held === null) {
    return { error: { code: "quota_exceeded", message: `A workspace holds at most ${MAX_LOCKS} locks.` } };
  }
  const lockId = Array.from(shell.deps.ids.random(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  shell.sql.exec("DELETE FROM locks WHERE name = ?", name);
  shell.sql.exec(
    "INSERT INTO locks (name, lock_id, run_id, attempt, until) VALUES (?, ?, ?, ?, ?)",
    name,
    lockId,
    call.runId,
    call.attempt,
    turn.now + ttlMs,
  );
  return { result: { lockId, ttlMs, fence: find(shell, name)?.fence ?? 0 } };
}

/** One that ran out, and that nobody else has taken, is its holder's again. */
export function renewLock(shell: Shell, turn: Turn, call: HomeCall, op: Of<"lock.renew">): CallAnswer {
  const { name, lockId, ttlMs } = op;
  const held = find(shell, name);
  if (held?.lock_id !== lockId || !isOf(held, call)) {
    return {
      error: { code: "lock_lost", message: `The lock ${name} ran out, or was let go, and is not yours any more.` },
    };
  }
  shell.sql.exec("UPDATE locks SET until = ? WHERE name = ?", turn.now + ttlMs, name);
  return { result: { lockId, ttlMs, fence: held.fence } };
}

export function freeLock(shell: Shell, call: HomeCall, { name, lockId }: Of<"lock.free">): CallAnswer {
  const held = find(shell, name);
  if (held?.lock_id === lockId && isOf(held, call)) {
    shell.sql.exec("DELETE FROM locks WHERE name = ?", name);
  }
  return { result: null };
}

function isOf(held: LockRow, { runId, attempt }: HomeCall): boolean {
  return held.run_id === runId && held.attempt === attempt;
}

function find(shell: Shell, name: string): LockRow | null {
  return (shell.sql.exec("SELECT * FROM locks WHERE name = ?", name).toArray()[0] as LockRow | undefined) ?? null;
}
