/**
 * `/workspace` on disk, with a hard limit: a file of that size with a file system of its own, mounted for the one job
 * and deleted with it. Needs a runner that is root and shares its files with the engine.
 */
import { chown, mkdir, readdir, rm, rmdir, statfs, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorText, type Log } from "../../base/log.ts";
import { ExecutorError } from "../types.ts";
import { run } from "./command.ts";
import type { Furnish } from "./furnishing.ts";
import { JOB_UID } from "./limits.ts";

const MIB = 1_048_576;
/** What the machine keeps for itself. */
const RESERVE_BYTES = 256 * MIB;

export interface DiskOptions {
  /** Folder with one folder for each disk, named after its slot. */
  readonly diskDir: string;
  readonly log: Log;
  /** Whether the engine sees folders of this machine. */
  readonly shared: boolean;
}

export function ownDisks({ diskDir, log, shared }: DiskOptions): Furnish {
  return async ({ slot, profile: { limits } }, events) => {
    const { diskMb, diskReadMbps, diskWriteMbps } = limits;
    if (diskMb === null) {
      if (diskReadMbps !== null || diskWriteMbps !== null) {
        events.notice?.(
          "diskReadMbps and diskWriteMbps hold for the disk of diskMb, which this event does not ask for.",
        );
      }
      return null;
    }
    if (!shared) {
      const problem =
        "A disk (diskMb) needs an engine that sees folders of the runner, and this one has --api-transport stdio.";
      throw new ExecutorError("start_failed", problem);
    }
    const folder = join(diskDir, slot);
    try {
      await refuseWithoutRoom(diskDir, diskMb * MIB);
      const device = await makeDisk(folder, diskMb * MIB);
      const rate = (mbps: number | null) => (mbps === null ? [] : [{ Path: device, Rate: mbps * MIB }]);
      return {
        apply: (base) => {
          const { "/workspace": _memory, ...tmpfs } = base.HostConfig?.Tmpfs ?? {};
          const mount = {
            Type: "bind" as const,
            Source: join(folder, "root"),
            Target: "/workspace",
            ReadOnly: false,
            BindOptions: { Propagation: "rprivate" as const },
          };
          return {
            ...base,
            HostConfig: {
              ...base.HostConfig,
              Tmpfs: tmpfs,
              Mounts: [...(base.HostConfig?.Mounts ?? []), mount],
              BlkioDeviceReadBps: rate(diskReadMbps),
              BlkioDeviceWriteBps: rate(diskWriteMbps),
            },
          };
        },
        remove: () => removeDisk(folder),
      };
    } catch (error) {
      await removeDisk(folder).catch((problem: unknown) => log.warn("disk.stays", { problem: errorText(problem) }));
      const problem =
        error instanceof ExecutorError ? error.message : `The disk of the job could not be made: ${errorText(error)}`;
      throw new ExecutorError("start_failed", problem, { cause: error });
    }
  };
}

async function refuseWithoutRoom(diskDir: string, bytes: number): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new ExecutorError(
      "start_failed",
      "diskMb needs a runner that is root, and this one is not. Leave it out, or ask for another runner by a label.",
    );
  }
  await mkdir(diskDir, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(diskDir);
  if (bavail * bsize < bytes + RESERVE_BYTES) {
    const free = Math.floor((bavail * bsize) / MIB);
    throw new ExecutorError(
      "start_failed",
      `The runner has ${free} MiB of disk free, too little for a disk of ${bytes / MIB} MiB.`,
    );
  }
}

/** Returns the device behind it. */
async function makeDisk(folder: string, bytes: number): Promise<string> {
  const [file, root] = [join(folder, "disk.img"), join(folder, "root")];
  await mkdir(root, { recursive: true, mode: 0o700 });
  await writeFile(file, "", { mode: 0o600 });
  await truncate(file, bytes);
  // No journal, no reserved blocks: it lives as long as one job.
  await run("mkfs.ext4", ["-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "nodiscard", file]);
  await run("mount", ["-o", "loop,nosuid,nodev,noatime", file, root]);
  await rmdir(join(root, "lost+found"));
  await chown(root, JOB_UID, JOB_UID);
  return (await run("findmnt", ["-n", "-o", "SOURCE", root])).trim();
}

async function removeDisk(folder: string): Promise<void> {
  const root = join(folder, "root");
  const mounted = await run("findmnt", ["-n", root]).catch(() => "");
  if (mounted !== "") {
    await run("umount", [root]);
  }
  await rm(folder, { recursive: true, force: true });
}

/** Disks of slots that nobody has any more. Resolves with how many are gone. */
export async function sweepDisks({ diskDir, log }: DiskOptions, isLive: (slot: string) => boolean): Promise<number> {
  const slots = await readdir(diskDir).catch(() => []);
  let gone = 0;
  for (const slot of slots.filter((name) => !isLive(name))) {
    try {
      await removeDisk(join(diskDir, slot));
      gone += 1;
    } catch (error) {
      log.warn("sweep.disk_stays", { slot, problem: errorText(error) });
    }
  }
  return gone;
}
