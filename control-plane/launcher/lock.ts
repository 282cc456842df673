/**
 * One launcher for each data folder. The lock names the launcher and its workerd, so that a second start can say who is
 * there, and so that a start after a crash can end a workerd whose launcher is gone.
 */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import * as z from "zod";
import type { DataFolder } from "./data-folder.ts";
import { LauncherError } from "./launcher-error.ts";
import { readJson, writePrivateJson } from "./private-file.ts";
import { isAlive, startTime, waitForEnd } from "./process-identity.ts";

const ORPHAN_GONE_WITHIN_MS = 10_000;

const ProcessMark = z.object({ pid: z.int(), startedAt: z.string().nullable() });
const Lock = z.object({
  launcher: ProcessMark,
  /** Null until the runtime has started. */
  workerd: ProcessMark.nullable(),
  /** Null until it answers. */
  url: z.string().nullable(),
});
export type Lock = z.infer<typeof Lock>;

/** Who runs this folder; null when nobody does. */
export function readLock(folder: DataFolder): Lock | null {
  const lock = readJson(folder.lockFile, Lock);
  return lock !== null && isAlive(lock.launcher.pid, lock.launcher.startedAt) ? lock : null;
}

export interface HeldLock {
  update(change: { readonly workerdPid?: number; readonly url?: string }): void;
  release(): void;
}

/** Takes the folder, or throws a line that names the process which has it. */
export function takeLock(folder: DataFolder): HeldLock {
  let lock: Lock = {
    launcher: { pid: process.pid, startedAt: startTime(process.pid) },
    workerd: null,
    url: null,
  };
  create(folder, lock);
  return {
    update({ workerdPid, url }) {
      lock = {
        ...lock,
        ...(workerdPid === undefined ? {} : { workerd: { pid: workerdPid, startedAt: startTime(workerdPid) } }),
        ...(url === undefined ? {} : { url }),
      };
      writePrivateJson(folder.lockFile, lock);
    },
    release() {
      rmSync(folder.lockFile, { force: true });
    },
  };
}

function create(folder: DataFolder, lock: Lock): void {
  for (const isRetry of [false, true]) {
    try {
      const file = openSync(folder.lockFile, "wx", 0o600);
      writeSync(file, JSON.stringify(lock));
      closeSync(file);
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") {
        throw cause;
      }
      const running = readLock(folder);
      if (running !== null || isRetry) {
        const who =
          running === null
            ? "another process"
            : `process ${running.launcher.pid}${running.url === null ? "" : ` at ${running.url}`}`;
        throw new LauncherError(
          `The data folder ${folder.root} is in use by ${who}. Stop that one (cronium-server stop --data ${folder.root}), or name another folder with --data.`,
          { cause },
        );
      }
      endOrphan(folder);
      rmSync(folder.lockFile, { force: true });
    }
  }
}

/** A launcher that was killed leaves its workerd behind, which still holds the port and the databases. */
function endOrphan(folder: DataFolder): void {
  const workerd = readJson(folder.lockFile, Lock)?.workerd ?? null;
  if (workerd !== null && isAlive(workerd.pid, workerd.startedAt)) {
    process.kill(workerd.pid, "SIGKILL");
    // Until it is gone it still has the port, and its databases open.
    if (!waitForEnd(workerd.pid, workerd.startedAt, ORPHAN_GONE_WITHIN_MS)) {
      throw new LauncherError(
        `The control plane's runtime of an earlier start (process ${workerd.pid}) does not end. End it, then start again.`,
      );
    }
  }
}
