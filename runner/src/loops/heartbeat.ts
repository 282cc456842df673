/**
 * Pings the control plane and knows until when the leases hold.
 *
 * A pong renews all leases for `leaseMs`, counted by the monotonic clock from when its ping was *sent*: whatever the
 * way back cost is not ours to spend. Pongs come back in order on one socket, so the oldest ping without one is meant.
 *
 * Example with a lease of 300 s and pings every 20 s: the network goes dark at 0:05. The last good ping left at 0:00. At
 * 0:50 no pong has come for the time of 2.5 pings: the socket is given up, reconnecting begins. At 4:00, 80 % of the lease,
 * jobs whose event says they may be retried elsewhere are stopped; the control plane gives up on them at 5:00 at the
 * earliest, so nothing runs twice at the same time.
 */
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";

const FENCE_AT = 0.8;
const DEAD_AFTER_PINGS = 2.5;
/** The control plane may still answer that the jobs of an earlier process go on, although their lease ran out meanwhile. */
const RETURN_WITHIN_MS = 10_000;

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Sends the text `ping`; false when no socket is up. */
  readonly ping: () => boolean;
  /** The socket does not answer any more. */
  readonly terminate: () => void;
  /** The leases are about to run out. */
  readonly leaseLost: () => void;
  /** The leases hold for `leaseMs` from `at`. */
  readonly renewed: (at: number, leaseMs: number) => void;
  /** A new measurement of the round trip, in milliseconds. */
  readonly measured: (latencyMs: number) => void;
}

export class Heartbeat {
  private readonly options: HeartbeatOptions;
  private leaseMs = 0;
  private renewMs = 0;
  private sent: number[] = [];
  private lastPong = 0;
  /** When the ping left that was answered last, or when the first welcome came; null before. */
  private renewedAt: number | null = null;
  private fenced = false;
  private cancelPings = (): void => {};
  private cancelDeath = (): void => {};
  private cancelFence = (): void => {};

  constructor(options: HeartbeatOptions) {
    this.options = options;
  }

  /** Goes on with leases that an earlier process held; `at` by the monotonic clock. */
  resume(at: number, leaseMs: number): void {
    const { clock } = this.options;
    this.leaseMs = leaseMs;
    this.renewedAt = at;
    const least = Math.min(RETURN_WITHIN_MS, leaseMs * (1 - FENCE_AT));
    this.cancelFence = clock.after(Math.max(least, this.fenceAt(at) - clock.monotonic()), () => this.fence());
  }

  /** A socket is up: ping at once, then regularly. */
  connected(leaseMs: number, renewMs: number): void {
    const { clock } = this.options;
    this.leaseMs = leaseMs;
    this.renewMs = renewMs;
    this.sent = [];
    this.lastPong = clock.monotonic();
    if (this.renewedAt === null) {
      // The welcome shows that the control plane hears this process; a first pong may never come.
      this.renewedAt = this.lastPong;
      this.cancelFence = clock.after(leaseMs * FENCE_AT, () => this.fence());
    }
    this.cancelPings();
    this.expectPong();
    this.beat();
    this.cancelPings = clock.every(renewMs, () => this.beat());
  }

  /** A lease begins: what is known of its end is worth keeping for the next process before a pong comes. */
  granted(): void {
    if (this.renewedAt !== null) {
      this.options.renewed(this.renewedAt, this.leaseMs);
    }
  }

  disconnected(): void {
    this.cancelPings();
    this.cancelDeath();
    this.sent = [];
  }

  pong(): void {
    const { clock, measured, renewed } = this.options;
    const sentAt = this.sent.shift();
    if (sentAt === undefined) {
      return;
    }
    this.lastPong = clock.monotonic();
    this.renewedAt = sentAt;
    this.fenced = false;
    measured(this.lastPong - sentAt);
    renewed(sentAt, this.leaseMs);
    this.expectPong();
    this.cancelFence();
    this.cancelFence = clock.after(this.fenceAt(sentAt) - this.lastPong, () => this.fence());
  }

  stop(): void {
    this.cancelPings();
    this.cancelDeath();
    this.cancelFence();
  }

  private beat(): void {
    const now = this.options.clock.monotonic();
    if (this.options.ping()) {
      this.sent.push(now);
    }
  }

  private expectPong(): void {
    const { clock, log, terminate } = this.options;
    this.cancelDeath();
    this.cancelDeath = clock.after(this.renewMs * DEAD_AFTER_PINGS, () => {
      log.warn("control.silent", { silentMs: Math.round(clock.monotonic() - this.lastPong) });
      this.cancelPings();
      terminate();
    });
  }

  private fenceAt(renewedAt: number): number {
    return renewedAt + this.leaseMs * FENCE_AT;
  }

  private fence(): void {
    if (this.fenced || this.renewedAt === null) {
      return;
    }
    this.fenced = true;
    const silentMs = Math.round(this.options.clock.monotonic() - this.renewedAt);
    this.options.log.error("lease.lost", { silentMs, leaseMs: this.leaseMs });
    this.options.leaseLost();
  }
}
