/** The kind of slot that a job needs. Fields stand in one order: equal profiles are equal texts. */
import { containerOf, type EventDefinition } from "@cronium/protocol";
import type { HostMount, SlotProfile } from "../executors/types.ts";
import { packagesOf } from "../packages.ts";

export function slotProfile(definition: EventDefinition, mounts: readonly HostMount[]): SlotProfile {
  const container = containerOf(definition);
  const { cpus, pids, files, tmpMb, diskMb, diskReadMbps, diskWriteMbps, image, pull, network, log } = container;
  return {
    runtime: definition.runtime,
    memoryMb: definition.memoryMb,
    mounts,
    limits: { cpus, pids, files, tmpMb, diskMb, diskReadMbps, diskWriteMbps },
    image: image === null ? null : { image, pull },
    packages: packagesOf(definition).names,
    bridge: network.mode === "bridge",
    executor: container.executor,
    log,
  };
}
