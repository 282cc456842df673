/**
 * How much memory the jobs of this machine may have together, by what their events allow each of them.
 *
 * A job that does not fit now is declined as full and offered again: after some seconds, or as soon as enough is free.
 * One that is larger than the whole budget runs alone, because a limit is a ceiling and not what a script will use.
 */
import type { Clock } from "./base/clock.ts";

/** The control plane offers again after this long by itself. */
const WAIT_FOR_MS = 5_000;
const LOOK_EVERY_MS = 100;

export interface MemoryBudgetOptions {
  /** Megabytes; null for no limit. */
  readonly budgetMb: number | null;
  /** Megabytes that jobs have now. */
  readonly usedMb: () => number;
  readonly clock: Clock;
  /** A job that was declined would fit now. */
  readonly roomAgain: () => void;
}

export class MemoryBudget {
  private readonly options: MemoryBudgetOptions;
  private neededMb = Number.POSITIVE_INFINITY;
  private until = 0;
  private cancelLook: (() => void) | null = null;

  constructor(options: MemoryBudgetOptions) {
    this.options = options;
  }

  fits(memoryMb: number): boolean {
    const { budgetMb, usedMb } = this.options;
    const used = usedMb();
    return budgetMb === null || used === 0 || used + memoryMb <= budgetMb;
  }

  /** A job was declined for want of memory and has not found room yet. */
  get short(): boolean {
    return this.cancelLook !== null;
  }

  /** A job of this size was declined: looks out for room. */
  declined(memoryMb: number): void {
    const { clock } = this.options;
    this.neededMb = Math.min(this.neededMb, memoryMb);
    this.until = clock.monotonic() + WAIT_FOR_MS;
    this.cancelLook ??= clock.every(LOOK_EVERY_MS, () => this.look());
  }

  stop(): void {
    this.cancelLook?.();
    this.cancelLook = null;
    this.neededMb = Number.POSITIVE_INFINITY;
  }

  private look(): void {
    if (this.fits(this.neededMb)) {
      this.stop();
      this.options.roomAgain();
    } else if (this.options.clock.monotonic() >= this.until) {
      this.stop();
    }
  }
}
