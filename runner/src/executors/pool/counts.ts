import type { MachineMetrics } from "@cronium/protocol";
import type { SlotProfile } from "../types.ts";

/** How many are for the same runtime, memory and processors; largest count first. */
export function countAlike(profiles: readonly SlotProfile[]): MachineMetrics["waiting"] {
  const counts = new Map<string, MachineMetrics["waiting"][number]>();
  for (const { runtime, memoryMb, limits } of profiles) {
    const { cpus } = limits;
    const key = `${runtime} ${memoryMb} ${cpus}`;
    const known = counts.get(key) ?? { runtime, memoryMb, cpus, count: 0 };
    counts.set(key, { ...known, count: known.count + 1 });
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count);
}
