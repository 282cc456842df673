/**
 * The state machine of a run: every command that can reach it, in one place. Rules lie beside it by theme; this file
 * says which rule answers which command, so that tests can drive the whole of it.
 */
import type { HeldAttempt, JobResult } from "@cronium/protocol";
import type { CancelReason } from "@cronium/protocol/run-states";
import { hasPlace } from "./queue-place.ts";
import { cancel } from "./run-cancel.ts";
import { deadlinePassed, hold, notHeld, revoked } from "./run-loss.ts";
import { accept, decline, type DeclineReason } from "./run-offer.ts";
import { done, exited, started, type LogEnd } from "./run-result.ts";
import type { Circumstances, Holder, RunState, Step } from "./run-step.ts";

export type Command =
  | { readonly type: "accept"; readonly by: Holder }
  | {
      readonly type: "decline";
      readonly by: Holder;
      readonly reason: DeclineReason;
      readonly message: string | null;
    }
  | { readonly type: "started"; readonly by: Holder }
  | { readonly type: "exited"; readonly by: Holder; readonly result: JobResult }
  | { readonly type: "done"; readonly by: Holder; readonly log: LogEnd }
  /** `user` by default. */
  | { readonly type: "cancel"; readonly reason?: CancelReason }
  | { readonly type: "deadline_passed" }
  | { readonly type: "not_held" }
  /** `left`: an ephemeral runner that has gone by itself. */
  | { readonly type: "revoked"; readonly left?: true }
  | { readonly type: "hold"; readonly by: Holder; readonly held: HeldAttempt["state"] };

/** Decides one command. Changes of the run raise its `rev` by one; without a change the same objects come back. */
export function decide(state: RunState, command: Command, at: Circumstances): Step {
  const step = apply(state, command, at);
  return withRev(state, step);
}

/** Raises `rev`, and says whether the run has a place, where the run, or its attempt, is not what it was. */
export function withRev<T extends Step>(before: RunState, step: T): T {
  if (step.run === before.run && step.attempt === before.attempt) {
    return step;
  }
  const holds = hasPlace(step.run, step.attempt);
  return { ...step, run: { ...step.run, holds, rev: before.run.rev + 1 } };
}

function apply(state: RunState, command: Command, at: Circumstances): Step {
  switch (command.type) {
    case "accept":
      return accept(state, command.by, at);
    case "decline":
      return decline(state, command.by, command, at);
    case "started":
      return started(state, command.by, at);
    case "exited":
      return exited(state, command.by, command.result, at);
    case "done":
      return done(state, command.by, command.log, at);
    case "cancel":
      return cancel(state, at, command.reason);
    case "deadline_passed":
      return deadlinePassed(state, at);
    case "not_held":
      return notHeld(state, at);
    case "revoked":
      return revoked(state, command.left === true ? "left for good" : "was revoked", at);
    case "hold":
      return hold(state, command.by, command.held, at);
    default:
      return command satisfies never;
  }
}
