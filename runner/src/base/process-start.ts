/** Tells two processes with the same id apart. */
import { readFileSync } from "node:fs";

/** Start time in clock ticks, on Linux; an empty text elsewhere, and for a process that is gone or a zombie. */
export function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; the 3rd field, the state, follows it, and the 22nd is the 20th behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch {
    return "";
  }
}
