/** Ends a runner that an earlier start, killed without a chance to clean up, left running on the same data folder. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const DEADLINE_MS = 15_000;

export async function endOrphanRunner(data: string, say: (line: string) => void): Promise<void> {
  const pid = orphan(join(data, "runner", "runner.lock"));
  if (pid === null) {
    return;
  }
  say(`Ending the runner (process ${pid}) that an earlier start left behind …`);
  process.kill(pid, "SIGTERM");
  const end = performance.now() + DEADLINE_MS;
  while (orphan(join(data, "runner", "runner.lock")) === pid) {
    if (performance.now() > end) {
      process.kill(pid, "SIGKILL");
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The process that holds the lock, when it is the very one that took it. */
function orphan(lockFile: string): number | null {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(lockFile, "utf8")) as { pid: number; startedAt: string };
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] !== "Z" && fields[19] === startedAt ? pid : null;
  } catch {
    // No lock, no such process, or no /proc: nothing that could be ended for certain.
    return null;
  }
}
