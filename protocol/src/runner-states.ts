/** States of a runner and what it may not be ready for; plain tables without zod, shared by every program. */

export const runnerStates = {
  online: "Connected and ready for work.",
  busy: "Connected, every slot taken.",
  paused: "Paused by a person.",
  draining: "Finishing what it has; takes no new work.",
  unreachable: "No sign of life for a minute; its jobs keep their lease for now.",
  offline: "Not connected.",
  quarantined: "Held back after failing to start too many different runs.",
  disabled: "Revoked; it may not connect again.",
} as const;
export type RunnerState = keyof typeof runnerStates;

export const notReadyReasons = {
  docker_down: "Docker does not answer on this machine. Start it, or check that the runner may use its socket.",
  images_missing: "The built-in images are not on this machine yet.",
  disk_full: "Its disk is almost full. Free at least 1 GB.",
} as const;
export type NotReadyReason = keyof typeof notReadyReasons;

/** What is not right with a runner that works all the same. */
export const runnerWarnings = {
  clock_skew: "Its clock and the control plane's are more than 30 s apart.",
} as const;
export type RunnerWarning = keyof typeof runnerWarnings;

/** Ways in which a runner can be connected. */
export const transports = ["websocket", "polling"] as const;
export type Transport = (typeof transports)[number];
