/** The object's one alarm: set in the same turn as the write it belongs to, never awaited, never moved back. */
import type { Shell } from "./shell.ts";

/** Makes the alarm fire at `at` or earlier. */
export function arm(shell: Shell, at: number): void {
  if (!Number.isFinite(at)) {
    return;
  }
  if (shell.alarmAt === null || at < shell.alarmAt) {
    shell.alarmAt = at;
    void shell.ctx.storage.setAlarm(at);
  }
}
