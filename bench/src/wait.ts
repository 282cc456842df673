/** Waiting for conditions, always with a deadline. */
import { setTimeout as after } from "node:timers/promises";

/** Resolves when `condition` holds; rejects, naming `what`, after `deadlineMs`. */
export async function waitUntil(
  what: string,
  deadlineMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) {
      throw new Error(`Waited ${deadlineMs} ms in vain for ${what}.`);
    }
    await after(20);
  }
}

/** `promise`, or a rejection that names `what` after `deadlineMs`. */
export async function within<T>(what: string, deadlineMs: number, promise: Promise<T>): Promise<T> {
  const stopped = new AbortController();
  const late = after(deadlineMs, undefined, { signal: stopped.signal }).then(
    () => Promise.reject(new Error(`Waited ${deadlineMs} ms in vain for ${what}.`)),
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    stopped.abort();
  }
}
