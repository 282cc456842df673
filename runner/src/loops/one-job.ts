/**
 * A runner that takes one job and ends: it winds up (`drain.ts`) as soon as it has taken one, so that it never listens
 * for another, and it ends with 0 only when the control plane has that job's result.
 *
 * Example: it accepts the job, and the answer is that the offer has gone to another runner. There is no job now and
 * nothing to deliver; it does not go back to waiting, because whoever started it for a job counts on its end.
 */
import { ExitError } from "../base/exit-error.ts";

export interface OneJobOptions {
  /** Told once, when the job is taken. */
  readonly taken: () => void;
}

export class OneJob {
  private readonly options: OneJobOptions;
  private isTaken = false;
  private isLost = false;

  constructor(options: OneJobOptions) {
    this.options = options;
  }

  take(): void {
    if (!this.isTaken) {
      this.isTaken = true;
      this.options.taken();
    }
  }

  /** The control plane has given it to another runner, or given up on it. */
  lose(): void {
    this.isLost = true;
  }

  /** Why this is no good end; null when it is one. A runner that was stopped before it had a job ends well. */
  problem(undelivered: number): ExitError | null {
    if (this.isLost) {
      return new ExitError(
        "jobLost",
        "The job was taken from this runner before its result was delivered.",
        "The control plane has decided what becomes of the run; start another runner for the next job.",
      );
    }
    if (undelivered > 0) {
      return new ExitError(
        "jobLost",
        "The result could not be delivered before this runner had to go.",
        "Start it again on the same data folder to deliver it; otherwise the run is lost with the lease.",
      );
    }
    return null;
  }
}
