/**
 * Leases. A lease ends `leaseMs` after the newest sign of life of the runner process that holds it, and never before
 * the control plane itself has been up for a whole lease: an outage of the server is not the death of a runner.
 *
 * Example: lease 300 s. A runner pings at 0 s, 20 s and 40 s, the answers are sent by the runtime without waking the
 * object, and at 50 s the whole server is killed. It is back at 200 s; the stored end of the lease says 60 s + 300 s
 * at best, and the pings after the last tick were forgotten with the process. So each live lease is moved to
 * 200 s + 300 s, and the runner has until then to reconnect.
 */

/** How often the alarm writes down what the pings renewed, while any lease is live. */
export const MAX_TICK_MS = 60_000;
/** How late a tick may be before it counts as an outage: the time of a slow start, not of a busy moment. */
const TICK_SLACK_MS = 10_000;

export function tickEveryMs(leaseMs: number): number {
  return Math.min(MAX_TICK_MS, Math.max(50, Math.floor(leaseMs / 3)));
}

/** When a lease ends that was stored as `storedUntil`, given the newest sign of life of its holder (null: none). */
export function leaseUntil(storedUntil: number, seenAt: number | null, leaseMs: number): number {
  return seenAt === null ? storedUntil : Math.max(storedUntil, seenAt + leaseMs);
}

/**
 * Whether the object was away in a way that runners could not have renewed: sockets that were open have vanished
 * without a close event, or its alarm is long overdue. Waking from hibernation is neither.
 */
export function wasAway(facts: {
  /** Runners stored as connected that have no socket now. */
  readonly vanished: number;
  readonly liveLeases: number;
  /** When the next tick was due; null when none was planned. */
  readonly tickDueAt: number | null;
  readonly now: number;
}): boolean {
  if (facts.liveLeases === 0) {
    return false;
  }
  return facts.vanished > 0 || (facts.tickDueAt !== null && facts.now - facts.tickDueAt > TICK_SLACK_MS);
}
