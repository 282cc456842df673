/**
 * Leaves in good order. The first SIGTERM or SIGINT, or `drain` from the control plane: take nothing new, finish what
 * runs, deliver what is owed, say `bye`, exit with 0. The second signal, or the drain timeout: stop the jobs too; they
 * end as `runner_shutdown` and are tried again elsewhere. The third signal: exit at once.
 *
 * A runner for one job winds up in the same way by itself as soon as it has taken that job. Nobody has asked it to go,
 * so it delivers the result however long that takes, and the first signal still means what it says.
 */
import { DEFAULT_GRACE_MS } from "@cronium/protocol";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Runs } from "../run/runs.ts";

/** For results and logs still on their way when the last job has ended. The journal and the spool keep them anyway. */
const DELIVER_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 50;
/** Ctrl-C reaches a process several times: from the terminal, and passed on by what started it. */
const SAME_SIGNAL_MS = 300;

export interface DrainOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly runs: Runs;
  /** Null: as long as the jobs take. */
  readonly timeoutMs: number | null;
  /** Results the control plane has not acknowledged. */
  readonly undelivered: () => number;
  /** Told once, when draining begins. */
  readonly began: () => void;
  /** Nothing is left to do. `undelivered`: results that could not be handed over in time. */
  readonly finished: (undelivered: number) => void;
  /** Somebody insists. */
  readonly abort: () => void;
}

export class Drain {
  private readonly options: DrainOptions;
  private cancelTimeout = (): void => {};
  private signals = 0;
  private lastSignalAt = Number.NEGATIVE_INFINITY;
  /** Somebody wants this process to go. */
  private asked = false;
  draining = false;

  constructor(options: DrainOptions) {
    this.options = options;
  }

  onSignal(name: string): void {
    const now = this.options.clock.monotonic();
    if (now - this.lastSignalAt < SAME_SIGNAL_MS) {
      return;
    }
    this.lastSignalAt = now;
    this.signals += 1;
    this.options.log.info("drain.signal", { signal: name, count: this.signals });
    if (this.signals === 1 && !this.asked) {
      this.begin();
    } else if (this.signals <= 2) {
      this.stopJobs();
    } else {
      this.options.abort();
    }
  }

  begin(): void {
    if (this.asked) {
      return;
    }
    this.asked = true;
    const { clock, timeoutMs } = this.options;
    if (timeoutMs !== null) {
      this.cancelTimeout = clock.after(timeoutMs, () => this.stopJobs());
    }
    this.windUp();
  }

  /** Takes nothing new, and ends once what is here is delivered. */
  windUp(): void {
    if (this.draining) {
      return;
    }
    this.draining = true;
    const { clock, log, runs, began } = this.options;
    log.info("drain.began", { jobs: runs.size });
    began();
    let idleSince: number | null = null;
    const cancelLook = clock.every(LOOK_EVERY_MS, () => {
      if (!runs.all().every((run) => run.processGone)) {
        return;
      }
      idleSince ??= clock.monotonic();
      const waitedFor = this.asked ? clock.monotonic() - idleSince : 0;
      const owed = Math.max(runs.size, this.options.undelivered());
      if (owed === 0 || waitedFor > DELIVER_WITHIN_MS) {
        this.cancelTimeout();
        cancelLook();
        log.info("drain.finished", { undelivered: owed });
        this.options.finished(owed);
      }
    });
  }

  /** Stops the jobs too: they end as `runner_shutdown` and are tried again elsewhere. */
  stopJobs(): void {
    this.begin();
    for (const run of this.options.runs.all()) {
      run.stop("shutdown", DEFAULT_GRACE_MS);
    }
  }
}
