/** Ends what the fake executor's jobs left running; they outlive their runner, as containers do. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Process ids of the jobs in a runner's data folder that still run. */
export function fakeJobs(dataDir: string): readonly number[] {
  const folder = join(dataDir, "fake");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.flatMap((name) => {
    try {
      const pid = Number(readFileSync(join(folder, name, "pid"), "utf8"));
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(join(folder, name)) ? [pid] : [];
    } catch {
      return [];
    }
  });
}

export function endFakeJobs(dataDir: string): void {
  for (const pid of fakeJobs(dataDir)) {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended this moment.
    }
  }
}
