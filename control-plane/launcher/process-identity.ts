/**
 * Tells a process from a later one with the same number. On Linux the kernel's start time of the process decides;
 * elsewhere only whether the number is in use.
 */
import { readFileSync } from "node:fs";

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
