/**
 * Tells a process from a later one with the same number. On Linux the kernel's start time of the process decides;
 * elsewhere only whether the number is in use.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Start time in clock ticks since boot; null where it cannot be known, "gone" when there is no such process. */
export function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended: only its parent has not looked yet.
    return fields[0] === "Z" ? "gone" : (fields[19] ?? null);
  } catch (error) {
    const isGone = (error as NodeJS.ErrnoException).code === "ENOENT";
    return isGone && process.platform === "linux" ? "gone" : null;
  }
}

/** Whether this very process still runs. `startedAt` is what `startTime` said about it. */
export function isAlive(pid: number, startedAt: string | null): boolean {
  const now = startTime(pid);
  if (now !== null && startedAt !== null) {
    return now === startedAt;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const LOOK_EVERY_MS = 10;

/**
 * Blocks until this very process has let go of all it held, for at most `withinMs`; false when it has not by then. A dead
 * process keeps its files and ports for as long as one of its threads is still on its way out.
 */
export function waitForEnd(pid: number, startedAt: string | null, withinMs: number): boolean {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; isAlive(pid, startedAt) || isOnItsWayOut(pid); waited += LOOK_EVERY_MS) {
    if (waited >= withinMs) {
      return false;
    }
    Atomics.wait(cell, 0, 0, LOOK_EVERY_MS);
  }
  return true;
}

/** Its first thread, which stays until its parent has looked, is dead, and others are not. */
function isOnItsWayOut(pid: number): boolean {
  try {
    return startTime(pid) === "gone" && readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}
