/**
 * Removes what no live job owns: containers with this runner's label, socket folders, spools. At start, where it finds
 * what a killed process left and nobody goes on with, and every minute after, where it finds what could not be removed in time.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { errorText, type Log } from "../base/log.ts";
import type { Executor } from "../executors/types.ts";
import type { Runs } from "../run/runs.ts";

const SWEEP_EVERY_MS = 60_000;

export interface SweepOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly executor: Executor;
  readonly runs: Runs;
  readonly socketDir: string;
  readonly liveSlots: () => ReadonlySet<string>;
  readonly spoolDir: string;
  /** Names of spool folders that are still needed. */
  readonly liveSpools: () => ReadonlySet<string>;
}

export class Sweep {
  private readonly options: SweepOptions;
  private running: Promise<void> | null = null;
  private started = false;
  private cancelTimer = (): void => {};

  constructor(options: SweepOptions) {
    this.options = options;
  }

  /** Sweeps now; a sweep that is under way is joined. */
  now(): Promise<void> {
    if (!this.started) {
      // What an earlier process left is not known to be nobody's yet.
      return Promise.resolve();
    }
    this.running ??= this.sweep().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  /** From here on what no live job owns is removed. */
  start(): void {
    this.started = true;
    this.cancelTimer = this.options.clock.every(SWEEP_EVERY_MS, () => void this.now());
  }

  async stop(): Promise<void> {
    this.cancelTimer();
    await this.running;
  }

  private async sweep(): Promise<void> {
    const { executor, runs, log, socketDir, liveSlots, spoolDir, liveSpools } = this.options;
    const sockets = removeOthers(socketDir, liveSlots());
    const spools = removeOthers(spoolDir, liveSpools());
    let containers = 0;
    try {
      containers = await executor.sweep(
        (runId, attempt, slot) => runs.get({ runId, attempt }) !== undefined || runs.ownsSlot(slot),
      );
    } catch (error) {
      log.debug("sweep.failed", { problem: errorText(error) });
    }
    if (containers + sockets + spools > 0) {
      log.info("sweep.removed", { containers, sockets, spools });
    }
  }
}

function removeOthers(folder: string, live: ReadonlySet<string>): number {
  const others = readdirSync(folder).filter((name) => !live.has(name));
  for (const name of others) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
  return others.length;
}
