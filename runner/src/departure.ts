/**
 * The ways in which a runner goes: in good order (`leave`), for good (`unregister`), because the control plane says so
 * (`fatal`), and at once with its jobs left to another process (`handOver`).
 */
import { type Clock, settledWithin } from "./base/clock.ts";
import { exitCodes, type ExitError } from "./base/exit-error.ts";
import type { Log } from "./base/log.ts";
import { Refused } from "./control/server.ts";
import { forgetCredential, markRevoked } from "./credential.ts";
import type { DataDir } from "./data-dir.ts";
import type { Links } from "./links.ts";
import type { OneJob } from "./loops/one-job.ts";
import type { Runs } from "./run/runs.ts";
import type { SidecarProcess } from "./sidecar-process.ts";

/** For containers to go when the runner has been revoked or replaced. */
const STOP_WITHIN_MS = 20_000;
/** For the control plane to confirm that the runner is out. */
const LEAVE_WITHIN_MS = 8_000;

export interface DepartureOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: DataDir;
  readonly ephemeral: boolean;
  readonly runs: Runs;
  readonly links: () => Links;
  readonly sidecar: SidecarProcess;
  readonly oneJob: OneJob | null;
  /** Ends the process before another line runs. */
  readonly exit: (code: number) => never;
}

export class Departure {
  private readonly options: DepartureOptions;
  private readonly end = Promise.withResolvers<number>();
  /** Set while the runner takes itself out. */
  private leaving: PromiseWithResolvers<void> | null = null;

  constructor(options: DepartureOptions) {
    this.options = options;
  }

  /** Resolves with the exit code, or rejects with the reason, once the runner is to be shut down. */
  get ended(): Promise<number> {
    return this.end.promise;
  }

  get unregistering(): boolean {
    return this.leaving !== null;
  }

  /** Whatever is left to do. */
  now(code: number): void {
    this.end.resolve(code);
  }

  /** It has drained. `undelivered`: results that could not be handed over. */
  async leave(undelivered: number): Promise<void> {
    const { ephemeral, dataDir, oneJob, log } = this.options;
    // Of an ephemeral runner it is the end: what is not delivered may still be, by a process that is started again.
    if (!ephemeral || undelivered === 0) {
      const links = this.options.links();
      links.send({ type: "bye" });
      await links.stop();
      if (ephemeral) {
        forgetCredential(dataDir.path);
      }
    }
    const problem = oneJob?.problem(undelivered) ?? null;
    if (problem === null) {
      this.end.resolve(exitCodes.ok);
    } else {
      log.error("runner.ending", { problem: problem.message, next: problem.next });
      this.end.reject(problem);
    }
  }

  /**
   * Ends as suddenly as a kill would, which is what the journal is for: nothing of a job is touched, and the next process
   * goes on with it. The sidecar goes first, so that it cannot take away a socket of the next one.
   */
  handOver(code: number): never {
    const { log, runs, sidecar, dataDir, exit } = this.options;
    log.info("runner.handed_over", { jobs: runs.size });
    sidecar.kill();
    dataDir.release();
    return exit(code);
  }

  /** Leaves the control plane for good; what runs here is dropped first. Throws `Refused` when that is not confirmed. */
  async unregister(): Promise<void> {
    const { clock, log, dataDir } = this.options;
    const links = this.options.links();
    const leaving = Promise.withResolvers<void>();
    this.leaving = leaving;
    if (!links.leave("ask")) {
      this.leaving = null;
      const text = "The control plane is not connected, or is too old for it. Revoke the runner on the Runners page.";
      throw new Refused("offline", text);
    }
    links.sendStatus();
    await this.dropAll("unregistered");
    links.leave("send");
    if (!(await settledWithin(clock, leaving.promise, LEAVE_WITHIN_MS))) {
      this.leaving = null;
      const text = "The control plane has not confirmed it. Try again, or revoke it on the Runners page.";
      throw new Refused("offline", text);
    }
    forgetCredential(dataDir.path);
    log.info("runner.unregistered", {});
  }

  /** The control plane has nothing more to do with this process: its jobs go, their results are nobody's. */
  async fatal(error: ExitError): Promise<void> {
    if (this.leaving !== null && error.code === exitCodes.revoked) {
      this.leaving.resolve();
      return;
    }
    this.options.log.error("runner.ending", { problem: error.message, next: error.next });
    if (error.code === exitCodes.revoked) {
      markRevoked(this.options.dataDir.path);
    }
    await this.dropAll(error.reason);
    this.end.reject(error);
  }

  private async dropAll(why: string): Promise<void> {
    const runs = this.options.runs.all();
    for (const run of runs) {
      run.drop(why);
    }
    await settledWithin(this.options.clock, Promise.all(runs.map((run) => run.finished)), STOP_WITHIN_MS);
  }
}
