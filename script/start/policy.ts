/** The local policy of the runner that `npm start` runs: which folders of this machine its jobs may see. */
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ROOT } from "../repository.ts";

/** User and group id of jobs inside their containers. */
const JOB_UID = 10_001;

/** Writes the policy unless there is one, which may have been edited; answers its path. */
export function ensurePolicy(data: string): string {
  const path = join(resolve(data), "policy.yaml");
  const backups = join(resolve(data), "backups");
  if (!existsSync(backups)) {
    mkdirSync(backups, { recursive: true });
    if (process.getuid?.() === 0) {
      chownSync(backups, JOB_UID, JOB_UID);
    } else {
      // Only root may give a folder away; like /tmp, it then takes files from everybody.
      chmodSync(backups, 0o1777);
    }
  }
  if (!existsSync(path)) {
    const text = `# What jobs on this machine may see. Only this file decides; the control plane cannot change it.
mounts:
  examples:
    path: ${JSON.stringify(join(ROOT, "examples", "data"))}
    mode: ro
  backups:
    path: ${JSON.stringify(backups)}
    mode: rw
`;
    writeFileSync(path, text, { mode: 0o644 });
  }
  return path;
}
