/** Which runner took the last run of an event: stored, with a copy in memory. */
import type { Line, Shell } from "./shell.ts";

export function lastRunnerOf(shell: Shell, line: Line, eventId: string): string | null {
  let runnerId = line.lastRunners.get(eventId);
  if (runnerId === undefined) {
    const row = shell.sql.exec("SELECT runner_id FROM last_runners WHERE event_id = ?", eventId).toArray()[0];
    runnerId = (row?.["runner_id"] ?? null) as string | null;
    line.lastRunners.set(eventId, runnerId);
  }
  return runnerId;
}

export function keepLastRunner(shell: Shell, line: Line, eventId: string, runnerId: string): void {
  if (lastRunnerOf(shell, line, eventId) !== runnerId) {
    line.lastRunners.set(eventId, runnerId);
    shell.sql.exec("INSERT OR REPLACE INTO last_runners (event_id, runner_id) VALUES (?, ?)", eventId, runnerId);
  }
}
