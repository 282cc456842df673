/**
 * The runner's folder on this machine: credential, journal, spool, sockets. One process at a time uses it; a lock file
 * with the process id says which. A lock whose process is gone, or whose id belongs to another program by now, is stale.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import * as z from "zod";
import { ExitError } from "./base/exit-error.ts";
import { errorText } from "./base/log.ts";
import { processStart } from "./base/process-start.ts";

const Lock = z.object({ pid: z.int(), startedAt: z.string() });

export interface DataDir {
  readonly path: string;
  readonly spool: string;
  readonly sockets: string;
  release(): void;
}

/** Creates the folder (0700) if needed and locks it. Throws `ExitError` when it is taken or not writable. */
export function openDataDir(path: string): DataDir {
  const spool = join(path, "spool");
  const sockets = join(path, "sockets");
  try {
    for (const folder of [path, spool, sockets]) {
      makeFolder(folder);
    }
    lock(path);
  } catch (error) {
    if (error instanceof ExitError) {
      throw error;
    }
    throw new ExitError(
      "usage",
      `The data folder ${path} cannot be used: ${errorText(error)}`,
      "Choose a folder this user may write with --data-dir.",
      { cause: error },
    );
  }
  return {
    path,
    spool,
    sockets,
    release: () => rmSync(join(path, "runner.lock"), { force: true }),
  };
}

/** Step by step: Node's recursive mkdir never returns for a path below /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) {
    return;
  }
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

function lock(path: string): void {
  const file = join(path, "runner.lock");
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      const handle = openSync(file, "wx", 0o600);
      writeSync(handle, JSON.stringify({ pid: process.pid, startedAt: processStart(process.pid) }));
      closeSync(handle);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        throw error;
      }
    }
    const holder = lockHolder(file);
    if (holder !== null) {
      throw new ExitError(
        "conflict",
        `Another runner (process ${holder}) uses the data folder ${path}.`,
        "Stop it first, or give this one a folder of its own with --data-dir.",
      );
    }
    rmSync(file, { force: true });
  }
  throw new Error(`${file} keeps coming back`);
}

/** The live process that holds the lock; null when it is stale. */
function lockHolder(file: string): number | null {
  try {
    const { pid, startedAt } = Lock.parse(JSON.parse(readFileSync(file, "utf8")));
    process.kill(pid, 0);
    return pid !== process.pid && processStart(pid) === startedAt ? pid : null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? -1 : null;
  }
}
