/** How often a job may call: a bucket that fills at a steady rate. */
import { AppError } from "@cronium/protocol";
import type { ServerResponse } from "node:http";

export class Rate {
  private readonly burst: number;
  private readonly perSecond: number;
  private tokens: number;
  private at: number;

  constructor(burst: number, perSecond: number) {
    this.burst = burst;
    this.perSecond = perSecond;
    this.tokens = burst;
    this.at = performance.now();
  }

  /** Throws `rate_limited`, and says when to come back. */
  take(response: ServerResponse): void {
    const now = performance.now();
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.at) / 1_000) * this.perSecond);
    this.at = now;
    if (this.tokens < 1) {
      response.setHeader("retry-after", 1);
      throw new AppError("rate_limited", `A job makes at most ${this.perSecond} calls of this kind a second.`);
    }
    this.tokens -= 1;
  }
}
