/** A lock over all runs of the workspace. */
import { setTimeout as pause } from "node:timers/promises";
import { CroniumError, InvalidValueError, LockedError, LockLostError } from "./errors.ts";
import { requireRun, type Run, toJson } from "./run.ts";
import { callRuntime } from "./transport.ts";

const DEFAULT_TTL_MS = 30_000;
const DEFAULT_WAIT_MS = 30_000;
/** The API may be asked to wait this long in one call; longer waits are several calls. */
const CALL_WAIT_MS = 10_000;
const BETWEEN_CALLS_MS = 100;

export interface LockOptions {
  /** After this without a renewal the lock is free: 30 s by default. It is renewed while the function runs. */
  ttlMs?: number;
  /** How long to wait for a lock that somebody else holds: 30 s by default, 0 for not at all. */
  waitMs?: number;
}

/**
 * Runs a function while holding a lock, and gives the lock back at its end; resolves with what the function does. The
 * signal is aborted when the lock may have become somebody else's, and the call then rejects with `LockLostError`.
 * Rejects with `LockedError` when the lock cannot be had in time. A lock ends with its run.
 */
export async function lock<Value>(
  name: string,
  work: (signal: AbortSignal) => Value | Promise<Value>,
  options: LockOptions = {},
): Promise<Value> {
  const ttlMs = milliseconds("ttlMs", options.ttlMs ?? DEFAULT_TTL_MS);
  const waitMs = milliseconds("waitMs", options.waitMs ?? DEFAULT_WAIT_MS);
  const run = requireRun();
  const path = `locks/${encodeURIComponent(name)}`;
  const lockId = await acquire(run, path, ttlMs, waitMs);
  const lost = new AbortController();
  const done = new AbortController();
  const renewing = renew(run, path, lockId, ttlMs, done.signal).then((held) => {
    if (!held) {
      lost.abort(new LockLostError(`The lock "${name}" was lost while its function ran`));
    }
  });
  let result: Value;
  try {
    result = await work(lost.signal);
  } catch (error) {
    done.abort();
    await renewing;
    // The function's own error says more than a lock that could not be given back.
    await release(run, path, lockId).catch(() => {});
    throw error;
  }
  done.abort();
  await renewing;
  lost.signal.throwIfAborted();
  await release(run, path, lockId);
  return result;
}

async function acquire(run: Run, path: string, ttlMs: number, waitMs: number): Promise<string> {
  for (let leftMs = waitMs; ;) {
    const callMs = Math.min(leftMs, CALL_WAIT_MS);
    const body = toJson({ ttlMs, waitMs: callMs }, "The lock");
    try {
      const { lockId } = JSON.parse(await callRuntime(run, { method: "POST", name: path, body })) as { lockId: string };
      return lockId;
    } catch (error) {
      leftMs -= Math.max(callMs, BETWEEN_CALLS_MS);
      if (!(error instanceof LockedError) || leftMs <= 0) {
        throw error;
      }
      await pause(BETWEEN_CALLS_MS);
    }
  }
}

/** Until `done`; false once the lock may have become somebody else's. */
async function renew(run: Run, path: string, lockId: string, ttlMs: number, done: AbortSignal): Promise<boolean> {
  let endsAt = performance.now() + ttlMs;
  for (;;) {
    await pause(ttlMs / 3, undefined, { signal: done }).catch(() => {});
    if (done.aborted) {
      return true;
    }
    const askedAt = performance.now();
    try {
      await callRuntime(run, { method: "PUT", name: path, body: toJson({ lockId, ttlMs }, "The lock") });
      endsAt = askedAt + ttlMs;
    } catch (error) {
      if (!(error instanceof CroniumError) || error.code === "lock_lost" || performance.now() > endsAt) {
        return false;
      }
    }
  }
}

async function release(run: Run, path: string, lockId: string): Promise<void> {
  await callRuntime(run, { method: "DELETE", name: `${path}?lockId=${encodeURIComponent(lockId)}` });
}

function milliseconds(what: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) {
    throw new InvalidValueError(`${what} is a number of milliseconds from 0, not ${String(value)}`);
  }
  return Math.trunc(value);
}
