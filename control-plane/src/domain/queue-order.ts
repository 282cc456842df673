/**
 * Which waiting lane is served next. Runs that wait for the same thing stand in one lane, first come first served; a
 * lane belongs to one event (its flow) and one priority (its level).
 *
 *  1. Among levels: the highest priority goes first, but a level gains one point for every AGEING_MS in which it was
 *     not served, so that nothing starves: priorities span 200 points, hence a level that has waited an hour goes ahead
 *     of everything that is served meanwhile.
 *  2. Within a level: start-time fair queueing over events. Each start moves its event's clock on by 1 / weight, and
 *     the event whose clock is furthest behind is next, so that starts are shared in proportion to the weights.
 *     (Goyal, Vin, Cheng: Start-time Fair Queueing, SIGCOMM 1996, with every run as a packet of length 1.)
 *
 * Example: an event floods the queue with 100,000 runs, then another one triggers a single run. Its flow starts at the
 * current virtual time, not at zero, so it is served next or next but one, and has no credit for the time before.
 *
 * Everything here lives in memory only: after a restart clocks start level and ages at zero, which harms nobody.
 */

/** Milliseconds that a level waits for one point of priority. */
export const AGEING_MS = 18_000;

export interface WaitingLane {
  readonly id: number;
  /** The event, or one name for all ad-hoc runs. */
  readonly flow: string;
  readonly priority: number;
}

/** How far each flow and level has come; changed in place by `served`. */
export interface QueueClocks {
  /** Clock of each flow: the virtual time at which its next start is due. */
  readonly flows: Map<string, number>;
  /** When each level was last served, or began to wait. Milliseconds. */
  readonly levels: Map<number, number>;
  virtualTime: number;
}

export function newClocks(): QueueClocks {
  return { flows: new Map(), levels: new Map(), virtualTime: 0 };
}

/** A lane begins to wait: it gets no credit for the time in which nothing of it waited. */
export function joined(clocks: QueueClocks, lane: WaitingLane, now: number): void {
  if (!clocks.levels.has(lane.priority)) {
    clocks.levels.set(lane.priority, now);
  }
  const clock = clocks.flows.get(lane.flow);
  if (clock === undefined || clock < clocks.virtualTime) {
    clocks.flows.set(lane.flow, clocks.virtualTime);
  }
}

/** A run of this lane was started. `weight` is its event's. */
export function served(clocks: QueueClocks, lane: WaitingLane, weight: number, now: number): void {
  const clock = clocks.flows.get(lane.flow) ?? clocks.virtualTime;
  clocks.virtualTime = Math.max(clocks.virtualTime, clock);
  clocks.flows.set(lane.flow, clock + 1 / weight);
  clocks.levels.set(lane.priority, now);
}

/** Forgets what nobody waits for any more, so that clocks do not grow with every event there ever was. */
export function forgetIdle(clocks: QueueClocks, waiting: readonly WaitingLane[]): void {
  const levels = new Set(waiting.map((lane) => lane.priority));
  const flows = new Set(waiting.map((lane) => lane.flow));
  for (const level of clocks.levels.keys()) {
    if (!levels.has(level)) {
      clocks.levels.delete(level);
    }
  }
  for (const [flow, clock] of clocks.flows) {
    // A clock ahead of the rest is a debt, and is kept until the rest has caught up.
    if (!flows.has(flow) && clock <= clocks.virtualTime) {
      clocks.flows.delete(flow);
    }
  }
}

/** Priority with its age, in points. */
export function effectivePriority(clocks: QueueClocks, priority: number, now: number): number {
  const since = clocks.levels.get(priority) ?? now;
  return priority + Math.floor(Math.max(0, now - since) / AGEING_MS);
}

/** The lane to serve next; null when there is none. Between equals the older lane. */
export function nextLane<T extends WaitingLane>(clocks: QueueClocks, lanes: Iterable<T>, now: number): T | null {
  let best: T | null = null;
  for (const lane of lanes) {
    if (best === null || goesBefore(clocks, lane, best, now)) {
      best = lane;
    }
  }
  return best;
}

function goesBefore(clocks: QueueClocks, a: WaitingLane, b: WaitingLane, now: number): boolean {
  if (a.priority !== b.priority) {
    const lead = effectivePriority(clocks, a.priority, now) - effectivePriority(clocks, b.priority, now);
    return lead === 0 ? a.priority > b.priority : lead > 0;
  }
  const lead = clockOf(clocks, b) - clockOf(clocks, a);
  return lead === 0 ? a.id < b.id : lead > 0;
}

function clockOf(clocks: QueueClocks, lane: WaitingLane): number {
  return clocks.flows.get(lane.flow) ?? clocks.virtualTime;
}
