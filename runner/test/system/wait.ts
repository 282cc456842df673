/** Waiting for conditions, always with a deadline. */
import { setTimeout as after } from "node:timers/promises";

/** The first value of `probe` that is not null or false; rejects, naming `what`, after `deadlineMs`. */
export async function eventually<T>(
  what: string,
  deadlineMs: number,
  probe: () => Promise<T | null | false> | T | null | false,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await probe();
    if (value !== null && value !== false) {
      return value;
    }
    if (performance.now() > end) {
      throw new Error(`Waited ${deadlineMs} ms in vain for ${what}.`);
    }
    await after(50);
  }
}
