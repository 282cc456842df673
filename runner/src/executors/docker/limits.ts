/** What a container may use of its machine, as the Docker Engine is told. */
import type { SlotProfile } from "../types.ts";

/** User and group of every job; exists in no image's files but those made for it. */
export const JOB_UID = 10_001;

const MIB = 1_048_576;
/** A file system in memory smaller than this holds nothing of use. */
const LEAST_TMPFS_MB = 16;

/** `cpus`: processors of the machine; asking the engine for more is refused. */
export function limitOptions({ memoryMb, limits }: Pick<SlotProfile, "memoryMb" | "limits">, cpus: number) {
  const { files, pids, tmpMb } = limits;
  return {
    Tmpfs: {
      "/tmp": `rw,nosuid,nodev,exec,mode=1777,size=${tmpMb ?? Math.max(LEAST_TMPFS_MB, Math.floor(memoryMb / 2))}m`,
      "/workspace": `rw,nosuid,nodev,exec,uid=${JOB_UID},gid=${JOB_UID},mode=0700,size=${Math.max(LEAST_TMPFS_MB, memoryMb)}m`,
    },
    Memory: memoryMb * MIB,
    MemorySwap: memoryMb * MIB,
    NanoCpus: Math.round(Math.min(limits.cpus, cpus) * 1_000) * 1_000_000,
    PidsLimit: pids,
    Ulimits: [{ Name: "nofile", Soft: files, Hard: files }],
  };
}
