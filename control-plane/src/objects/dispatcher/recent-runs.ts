/**
 * Runs at work, each with its newest attempt, as they were last written: the next frame of their runner finds them here
 * and needs no read. A copy, kept by `saveStep` alone and dropped when a turn fails.
 *
 * Runs that wait in the queue are never in it, for gates and reasons of many of them are written at once.
 */
import type { AttemptRecord } from "../../domain/run.ts";
import type { RunState } from "../../domain/run-step.ts";

/** About 2 KB each. */
const MOST = 4_096;

type Recent = RunState & { readonly attempt: AttemptRecord };

export class RecentRuns {
  readonly #states = new Map<string, Recent>();

  get(runId: string): Recent | undefined {
    return this.#states.get(runId);
  }

  keep({ run, attempt }: RunState): void {
    this.#states.delete(run.id);
    if (attempt === null || attempt.attempt !== run.attempt || (run.state === "queued" && !run.offered)) {
      return;
    }
    this.#states.set(run.id, { run, attempt });
    if (this.#states.size > MOST) {
      const [oldest = ""] = this.#states.keys();
      this.#states.delete(oldest);
    }
  }

  forget(runIds: Iterable<string>): void {
    for (const runId of runIds) {
      this.#states.delete(runId);
    }
  }

  /** After anything but `saveStep` has written to runs or attempts. */
  clear(): void {
    this.#states.clear();
  }
}
