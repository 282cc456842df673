/**
 * Stops what the control plane wants stopped. `cancel` still ends in a result; `stale`, and `kill` in a welcome, mean
 * that the attempt is no longer ours: its container goes, its journal entry and spool too, and nothing is reported.
 */
import type { AttemptRef, ServerMessage } from "@cronium/protocol";
import type { Log } from "../base/log.ts";
import type { RunJournal } from "../run/deps.ts";
import type { Runs } from "../run/runs.ts";

export interface CancelOptions {
  readonly runs: Runs;
  readonly journal: RunJournal;
  readonly log: Log;
  readonly removeSpool: (ref: AttemptRef) => void;
  /** The attempt was taken away, and its result has not been delivered. */
  readonly lost?: () => void;
}

export class Cancel {
  private readonly options: CancelOptions;

  constructor(options: CancelOptions) {
    this.options = options;
  }

  onCancel(message: Extract<ServerMessage, { type: "cancel" }>): void {
    const reason = message.reason === "timeout" ? "timed_out" : "cancelled";
    this.options.runs.get(message)?.stop(reason, Math.max(0, message.graceMs));
  }

  /** The attempt belongs to nobody here any more. */
  drop(ref: AttemptRef, why: string): void {
    const { runs, journal, log } = this.options;
    const run = runs.get(ref);
    const entry = journal.get(ref);
    if (entry === undefined ? run !== undefined : !entry.resultAcked) {
      this.options.lost?.();
    }
    if (run !== undefined) {
      run.drop(why);
    }
    if (entry !== undefined && run === undefined) {
      log.info("attempt.dropped", { runId: ref.runId, attempt: ref.attempt, why });
      journal.note({ type: "dropped", runId: ref.runId, attempt: ref.attempt });
      this.options.removeSpool(ref);
    }
  }
}
