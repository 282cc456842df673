/** Runs whose log room wants to hear of each change, because somebody watches. */
import type { Shell, Turn } from "./shell.ts";

/** A room that has viewers asks again well within this. */
const WATCH_MS = 600_000;

export function watchRun(shell: Shell, turn: Turn, runId: string): void {
  const until = turn.now + WATCH_MS;
  shell.sql.exec("INSERT OR REPLACE INTO watches (run_id, until) VALUES (?, ?)", runId, until);
  shell.watches.set(runId, until);
}
