/** The machine itself: Node.js and disk. */
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { type Finding, fine, toFix } from "./finding.ts";

const LEAST_NODE = [22, 12] as const;
const LEAST_FREE_BYTES = 1_000_000_000;

/** `version`: such as "24.1.0". */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const ok = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  return ok
    ? fine(`Node.js ${version}`)
    : toFix(
        `Node.js ${version} is too old: the runner needs ${LEAST_NODE.join(".")}`,
        "Install a newer one, for example: npx --yes node@24 $(command -v cronium-runner)",
      );
}

export async function diskFinding(dataDir: string, freeBytes = freeOf): Promise<Finding> {
  const free = await freeBytes(dataDir);
  const what = `${(free / 1e9).toFixed(1)} GB free for ${dataDir}`;
  return free >= LEAST_FREE_BYTES
    ? fine(what)
    : toFix(
        `${what}, and the runner takes no jobs below 1 GB`,
        "Free some (docker system prune removes what Docker does not use), or choose another folder with --data-dir.",
      );
}

async function freeOf(path: string): Promise<number> {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) {
    folder = dirname(folder);
  }
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
