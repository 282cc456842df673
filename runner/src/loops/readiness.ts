/** Knows what keeps this machine from taking jobs, and says so whenever it changes. */
import { statfs } from "node:fs/promises";
import { type NotReadyReason, notReadyReasons } from "@cronium/protocol";
import type { Clock } from "../base/clock.ts";
import { errorText, type Log } from "../base/log.ts";
import type { Executor } from "../executors/types.ts";

/** Cheap, and a script may fill a disk within seconds. */
const DISK_EVERY_MS = 5_000;
const LEAST_FREE_BYTES = 1_000_000_000;

export interface ReadinessOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly executor: Executor;
  readonly dataDir: string;
  /** Called with the new list. */
  readonly changed: (reasons: readonly NotReadyReason[]) => void;
}

export class Readiness {
  private readonly options: ReadinessOptions;
  private diskFull = false;
  private told: string | null = null;
  private cancelTimer = (): void => {};

  constructor(options: ReadinessOptions) {
    this.options = options;
  }

  get reasons(): NotReadyReason[] {
    return [...this.options.executor.notReady, ...(this.diskFull ? (["disk_full"] as const) : [])];
  }

  /** A sentence when no job at all can be taken; what a single runtime lacks is the executor's to say. */
  get problem(): string | null {
    return this.diskFull ? notReadyReasons.disk_full : null;
  }

  async open(): Promise<void> {
    await this.options.executor.open(() => this.tell());
    await this.lookAtDisk();
    this.cancelTimer = this.options.clock.every(DISK_EVERY_MS, () => void this.lookAtDisk());
  }

  async close(): Promise<void> {
    this.cancelTimer();
    await this.options.executor.close();
  }

  private async lookAtDisk(): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(this.options.dataDir);
      this.diskFull = bavail * bsize < LEAST_FREE_BYTES;
    } catch (error) {
      this.options.log.warn("disk.unknown", { problem: errorText(error) });
    }
    this.tell();
  }

  private tell(): void {
    const { reasons } = this;
    if (reasons.join() === this.told) {
      return;
    }
    this.told = reasons.join();
    if (reasons.length === 0) {
      this.options.log.info("runner.ready", {});
    } else {
      this.options.log.warn("runner.not_ready", { reasons });
    }
    this.options.changed(reasons);
  }
}
