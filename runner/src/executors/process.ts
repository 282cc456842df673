/**
 * Runs a script directly on this machine, without a container: for trusted events and emergencies, and only where the
 * local policy file says so and as which account.
 *
 * Each job is a session of its own with a folder of its own (`process/folder.ts`). A small shell starts the script under
 * the limits that `ulimit` knows and writes down how it ended; output goes to two files, which are read from here. So a
 * job outlives the runner, and the next process takes it up by its process id and the time at which it started.
 *
 * What a container would keep apart is not: the script sees the machine as its account does, its network too.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Account } from "./process/account.ts";
import { ProcessSlot, processSlotFolder } from "./process/slot.ts";
import type { Executor } from "./types.ts";

export interface ProcessExecutorOptions {
  /** Where it keeps what belongs to its jobs; for the runner alone. */
  readonly folder: string;
  /** Where jobs get their own folders; every account has to get there. */
  readonly jobsFolder: string;
  readonly account: Account;
  /** Folders of the SDKs by language; null where this installation brings none. */
  readonly sdk: { readonly python: string | null; readonly bash: string | null };
  readonly clock: Clock;
  readonly log: Log;
}

export function makeProcessExecutor(options: ProcessExecutorOptions): Executor {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  return {
    name: "process",
    hasRuntimeApi: true,
    engineVersion: null,
    notReady: [],
    slots: { take: (request, events) => new ProcessSlot(options, request, events, request.apiFolder) },
    adopt: async (request, events, seen) => {
      const slot = new ProcessSlot(options, request, events, request.apiFolder ?? null);
      return slot.goOn(seen) ? slot : null;
    },
    open: async () => {},
    check: () => null,
    sweep: async (isLive) => {
      const orphans = readdirSync(options.folder).filter((name) => {
        const [runId = "", attempt = "", slot = ""] = name.split("~");
        return !isLive(runId, Number(attempt), slot);
      });
      for (const name of orphans) {
        const [runId = "", attempt = "", slot = ""] = name.split("~");
        const left = { runId, attempt: Number(attempt), slot };
        if (existsSync(processSlotFolder(options.folder, left))) {
          ProcessSlot.removeLeftOver(options, left);
        }
        rmSync(join(options.folder, name), { recursive: true, force: true });
      }
      return orphans.length;
    },
    close: async () => {},
  };
}
