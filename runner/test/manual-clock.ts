/** A clock that stands still until it is told to move; timers fire in order on the way. */
import type { Clock } from "../src/base/clock.ts";

interface Timer {
  readonly at: number;
  readonly everyMs: number | null;
  readonly run: () => void;
}

export class ManualClock implements Clock {
  private time = 1_000_000;
  private timers: Timer[] = [];

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  after(ms: number, run: () => void): () => void {
    return this.add({ at: this.time + Math.max(0, ms), everyMs: null, run });
  }

  every(ms: number, run: () => void): () => void {
    let cancel = (): void => {};
    const again = (): void => {
      cancel = this.after(ms, () => {
        again();
        run();
      });
    };
    again();
    return () => cancel();
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.timers.length;
  }

  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) {
        break;
      }
      this.timers = this.timers.filter((timer) => timer !== next);
      this.time = next.at;
      next.run();
    }
    this.time = end;
  }

  private add(timer: Timer): () => void {
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }
}
