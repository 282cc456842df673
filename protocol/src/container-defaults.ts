/** What the container of a job is like where its event does not say. Plain tables without zod. */
import type { Container, ContainerSettings } from "./container.ts";

export const pullPolicies = ["missing", "always", "never"] as const;
export type PullPolicy = (typeof pullPolicies)[number];

export const networkModes = ["none", "allowlist", "bridge"] as const satisfies readonly Container["network"]["mode"][];
export type NetworkMode = (typeof networkModes)[number];

export const containerDefaults: Container = {
  image: null,
  pull: "missing",
  cpus: 2,
  pids: 256,
  files: 8_192,
  tmpMb: null,
  diskMb: null,
  network: { mode: "none" },
  isolated: false,
  reuse: false,
  log: "kept",
  logCapMb: 256,
  logOverflow: "drop",
  keepFailedMs: 0,
  packages: [],
  executor: "container",
  diskReadMbps: null,
  diskWriteMbps: null,
  egressKbps: null,
};

interface Asks {
  readonly container?: ContainerSettings | undefined;
}

/** Every setting of a job's container. */
export function containerOf({ container = {} }: Asks): Container {
  const given = Object.entries(container).filter(([, value]) => value !== undefined);
  return given.length === 0 ? containerDefaults : { ...containerDefaults, ...Object.fromEntries(given) };
}

/** Whether an event asks for anything of its container, so that its runner has to know of such settings. */
export function hasContainerSettings({ container }: Asks): boolean {
  return Object.keys(container ?? {}).length > 0;
}
