/**
 * Places: what concurrency limits count. A run takes a place with its first offer and gives it back when it has ended,
 * or is back in the queue with nothing of it left running. A lost attempt may still run on its runner and may be
 * adopted back, so its run keeps the place while it waits for the next attempt; that attempt needs no second one.
 */
import { isTerminal } from "@cronium/protocol/run-states";
import type { AttemptRecord, RunRecord } from "./run.ts";

/** Whether a run has a place after a decision. `attempt` is the one the decision was about; null when about none. */
export function hasPlace(run: RunRecord, attempt: AttemptRecord | null): boolean {
  if (isTerminal(run.state)) {
    return false;
  }
  if (run.state !== "queued" || run.offered) {
    return true;
  }
  // A lost attempt keeps the place that its run had; a requeued run gave it back when it failed.
  return run.holds && (attempt?.attempt !== run.attempt || attempt.state === "lost");
}

/** Why a run may not have another place, in the words of its limit. */
export function limitMessage(
  limit:
    | { readonly of: "workspace"; readonly limit: number }
    | { readonly of: "event"; readonly limit: number; readonly name: string }
    | {
        readonly of: "key";
        readonly limit: number;
        /** The pointer or the expression. */
        readonly what: string;
        readonly value: string;
        readonly holders: readonly string[];
      },
): string {
  const times = `${limit.limit} ${limit.limit === 1 ? "run" : "runs"} at a time`;
  const wait = "It starts when one of them has ended";
  switch (limit.of) {
    case "workspace":
      return `The workspace allows ${times}, and as many are under way. ${wait}; raise the limit in the settings to start sooner.`;
    case "event":
      return `${limit.name} allows ${times}, and as many are under way. ${wait}; raise the event's concurrency to start sooner.`;
    case "key": {
      const shown = limit.holders.slice(0, 3).join(", ");
      const more = limit.holders.length - 3;
      const who = more > 0 ? `${shown} and ${more} more` : shown;
      return `${short(limit.what)} = ${short(limit.value)} allows ${times}; under way: ${who}. ${wait}; raise the limit of the event's concurrencyKey to start sooner.`;
    }
    default:
      return limit satisfies never;
  }
}

function short(value: string): string {
  return value.length > 60 ? `${value.slice(0, 59)}…` : value;
}

export function pausedMessage(queue: string, note: string): string {
  const why = note === "" ? "" : ` Note: ${note}`;
  return `The queue ${queue} is paused; its runs start when somebody resumes it.${why}`;
}
