/** The attempts this process works on, from the offer until nothing is left of them. */
import type { AttemptRef } from "@cronium/protocol";
import type { Run } from "./run.ts";

export class Runs {
  private readonly byKey = new Map<string, Run>();

  /** Jobs that take one of the runner's slots now. */
  get occupied(): number {
    return this.all().filter((run) => run.occupiesSlot).length;
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

  /** Keeps the run until it has finished. */
  add(run: Run): void {
    this.byKey.set(key(run.ref), run);
    void run.finished.then(() => this.byKey.delete(key(run.ref)));
  }
}

function key(ref: AttemptRef): string {
  return `${ref.runId}/${ref.attempt}`;
}
