/** How each state looks: one tone per state, so that a colour means the same on every page. */
import type { AttemptState, RunState } from "@cronium/protocol/run-states";
import type { RunnerState } from "@cronium/protocol/runner-states";

/** good: it worked. bad: it failed. live: going on. hold: waits for a person or timer. warn: winding down. quiet: idle. */
export type Tone = "good" | "bad" | "live" | "hold" | "warn" | "quiet";

export const runTones = {
  queued: "quiet",
  starting: "live",
  running: "live",
  waiting: "hold",
  cancelling: "warn",
  succeeded: "good",
  failed: "bad",
  timed_out: "bad",
  cancelled: "quiet",
  expired: "warn",
  skipped: "quiet",
} as const satisfies Record<RunState, Tone>;

export const attemptTones = {
  offered: "quiet",
  accepted: "live",
  running: "live",
  finishing: "live",
  succeeded: "good",
  failed: "bad",
  timed_out: "bad",
  cancelled: "quiet",
  lost: "bad",
  declined: "quiet",
} as const satisfies Record<AttemptState, Tone>;

export const runnerTones = {
  online: "good",
  busy: "live",
  paused: "warn",
  draining: "warn",
  unreachable: "warn",
  offline: "quiet",
  quarantined: "bad",
  disabled: "quiet",
} as const satisfies Record<RunnerState, Tone>;

export function toneOf(table: Readonly<Record<string, Tone>>, state: string): Tone {
  return Object.hasOwn(table, state) ? (table[state] ?? "quiet") : "quiet";
}
