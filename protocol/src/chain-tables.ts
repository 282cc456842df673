/** Chains as plain tables without zod, shared by control plane, CLI and dashboard. */
import type { RunState } from "./run-states.ts";

/** The ends of a run that a chain may wait for. */
export const chainEnds = ["success", "failure", "timeout", "any"] as const;
export type ChainEnd = (typeof chainEnds)[number];

/** Which ends a chain follows beside `any`, which follows all but `skipped`: a skipped run has never been at work. */
export const endsOf = {
  success: ["succeeded"],
  failure: ["failed", "expired"],
  timeout: ["timed_out"],
  any: ["succeeded", "failed", "expired", "timed_out", "cancelled"],
} as const satisfies Record<ChainEnd, readonly RunState[]>;

export function followsEnd(on: ChainEnd, state: RunState): boolean {
  return (endsOf[on] as readonly RunState[]).includes(state);
}

/** Events that one event may start. */
export const MAX_CHAINS = 10;

/** How many runs may have followed one another before the chain ends: the first is at depth 0. */
export const MAX_CHAIN_DEPTH = 16;

/** `pending`: its run is about to be made. */
export const chainedStates = ["pending", "started", "refused"] as const;
export type ChainedState = (typeof chainedStates)[number];

/** Why a chain made no run. */
export const chainReasons = {
  event_missing: "The event that it was to start does not exist.",
  mapping_failed: "Its mapping made no input of how the run ended.",
  invalid_input: "The event that it was to start does not take the input.",
  depth_limit: "As many runs as are allowed have followed one another already.",
  quota: "The workspace had used up its quota for an hour.",
  refused: "The event that it was to start did not take the trigger.",
} as const;
export type ChainReason = keyof typeof chainReasons;
