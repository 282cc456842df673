/** The attempts this process works on, from the offer until nothing is left of them. */
import { type AttemptRef, shardOf } from "@cronium/protocol";
import type { Run } from "./run.ts";

/** An offer can hardly be late by more runs than this. */
const REMEMBERED = 10_000;

export class Runs {
  private readonly byKey = new Map<string, Run>();
  /** Attempts of which nothing is left, the newest last. */
  private readonly over = new Set<string>();

  /** Jobs that take one of the runner's slots now. */
  get occupied(): number {
    return this.all().filter((run) => run.occupiesSlot).length;
  }

  /** Megabytes that they may use together. */
  get memoryMb(): number {
    return this.all()
      .filter((run) => run.occupiesSlot)
      .reduce((sum, run) => sum + run.job.definition.memoryMb, 0);
  }

  /** Of these, jobs of one shard. */
  occupiedBy(shard: number): number {
    return this.all().filter((run) => run.occupiesSlot && shardOf(run.ref.runId) === shard).length;
  }

  get size(): number {
    return this.byKey.size;
  }

  all(): Run[] {
    return [...this.byKey.values()];
  }

  get(ref: AttemptRef): Run | undefined {
    return this.byKey.get(key(ref));
  }

  /** Whether a run that is here has this slot. */
  ownsSlot(slot: string): boolean {
    return this.all().some((run) => run.slotId === slot);
  }

  /** Whether the attempt was here and has ended: an offer of it is a late repetition, and its container must not start again. */
  isOver(ref: AttemptRef): boolean {
    return this.over.has(key(ref));
  }

  /** Keeps the run until it has finished. */
  add(run: Run): void {
    this.byKey.set(key(run.ref), run);
    void run.finished.then(() => {
      this.byKey.delete(key(run.ref));
      this.over.add(key(run.ref));
      const [oldest] = this.over;
      if (this.over.size > REMEMBERED && oldest !== undefined) {
        this.over.delete(oldest);
      }
    });
  }
}

function key(ref: AttemptRef): string {
  return `${ref.runId}/${ref.attempt}`;
}
