/**
 * Lanes: runs that wait for the same thing stand in one, so that the pump looks at lanes and not at runs. A backlog of
 * 100,000 runs of one event is one lane; finding its next run is one look into an index.
 *
 * The table keeps what each lane stands for. Memory keeps which lanes may hold a run that is ready: a lane joins when
 * a run becomes ready in it and leaves when the pump finds it empty. After a restart, or a turn that failed, every
 * stored lane is taken to hold one until the pump has looked.
 */
import { DEFAULT_QUEUE, EventQueueingInput, type EventQueueing } from "@cronium/protocol/queueing";
import type { QueueReason } from "@cronium/protocol/run-states";
import { queueingOf } from "../../domain/event-queueing.ts";
import { forgetIdle, joined, newClocks } from "../../domain/queue-order.ts";
import type { RunRecord } from "../../domain/run.ts";
import type { Wishes } from "../../domain/wishes.ts";
import { readEvent } from "./events.ts";
import { countHeld, countQueued, readHeld } from "./places.ts";
import { readPaused } from "./paused-queues.ts";
import { readSettings } from "./settings.ts";
import type { Lane, Line, Shell } from "./shell.ts";

/** Numbers of lanes that are kept in memory. */
const MOST_IDS = 1_000;

/** Reasons of waits that are over when a run is ready. */
const OVER: ReadonlySet<QueueReason> = new Set(["delayed", "debounced", "retry_backoff"]);

/** The flow of runs without an event. */
export const ADHOC_FLOW = "";

/** What a run waits for, in the form that lanes are told apart by. */
interface Needs {
  readonly eventId: string | null;
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>>;
  /** These are left out where default or false. */
  readonly queue?: string;
  readonly wishes?: Wishes;
  readonly holds?: boolean;
  readonly tried?: boolean;
}

function needsOf({ eventId, priority, labels, queue, wishes, holds, attempt }: RunRecord): Needs {
  const named = queue === DEFAULT_QUEUE ? {} : { queue };
  return {
    eventId,
    priority,
    labels,
    ...named,
    ...(wishes === null ? {} : { wishes }),
    ...(holds ? { holds } : {}),
    ...(attempt > 0 ? { tried: true } : {}),
  };
}

function newLane(id: number, needs: Needs): Lane {
  const { eventId, priority, labels, queue = DEFAULT_QUEUE, wishes = null, holds = false, tried = false } = needs;
  // A sticky event has answers of its own.
  const own = wishes?.sticky === true ? eventId : null;
  return {
    id,
    flow: eventId ?? ADHOC_FLOW,
    priority,
    queue,
    labels,
    wishes,
    needs: JSON.stringify([labels, wishes, own]),
    holding: holds,
    tried,
    unexplained: true,
    outdatedAfter: null,
    tellAt: 0,
    told: null,
    toldFrom: null,
  };
}

/** Every stored lane; some of them may be empty. */
export function readLanes(shell: Shell): Lane[] {
  return shell.sql
    .exec("SELECT id, key FROM lanes ORDER BY id")
    .toArray()
    .map((row) => newLane(row["id"] as number, JSON.parse(row["key"] as string) as Needs));
}

/** The number of the lane in which this run waits; made when it is the first. */
export function laneOf(shell: Shell, run: RunRecord): number {
  const key = JSON.stringify(needsOf(run));
  const ids = shell.line?.laneIds;
  const kept = ids?.get(key);
  if (kept !== undefined) {
    return kept;
  }
  const known = shell.sql.exec("SELECT id FROM lanes WHERE key = ?", key).toArray()[0];
  const row = known ?? shell.sql.exec("INSERT INTO lanes (key) VALUES (?) RETURNING id", key).one();
  const id = row["id"] as number;
  if (ids !== undefined && ids.size >= MOST_IDS) {
    ids.clear();
  }
  ids?.set(key, id);
  return id;
}

/** A run became ready in its lane. */
export function joinLane(shell: Shell, run: RunRecord, now: number): void {
  const line = theLine(shell, now);
  const lane = line.lanes.get(run.lane) ?? newLane(run.lane, needsOf(run));
  lane.unexplained ||= run.queueReason === null || OVER.has(run.queueReason);
  if (!line.lanes.has(lane.id)) {
    line.lanes.set(lane.id, lane);
    joined(line.clocks, lane, now);
  }
}

/**
 * A new run with the reason that all of its lane have been told, so that the pump need not write it once more. Should
 * the reason be another by then, the pump tells it: see `toldFrom`.
 */
export function withKnownReason(shell: Shell, run: RunRecord): RunRecord {
  const isReady = run.state === "queued" && !run.offered && run.gate === "" && run.queueReason === null;
  const told = isReady ? (shell.line?.lanes.get(run.lane)?.told ?? null) : null;
  return told === null ? run : { ...run, queueReason: told.queueReason, message: told.message };
}

/** The pump found no ready run in it. */
export function leaveLane(line: Line, lane: Lane): void {
  line.lanes.delete(lane.id);
  if (line.lanes.size === 0 || line.clocks.flows.size > 2 * line.lanes.size + 100) {
    forgetIdle(line.clocks, [...line.lanes.values()]);
  } else if (![...line.lanes.values()].some((other) => other.priority === lane.priority)) {
    line.clocks.levels.delete(lane.priority);
  }
}

/** The waiting lanes; read from storage after a start and after a turn that failed. */
export function theLine(shell: Shell, now: number): Line {
  if (shell.line === null) {
    const line: Line = {
      lanes: new Map(),
      clocks: newClocks(),
      queueing: new Map(),
      settings: readSettings(shell.sql),
      paused: readPaused(shell.sql),
      buckets: new Map(),
      lastRunners: new Map(),
      ...readHeld(shell),
      queued: countQueued(shell),
      slotsTaken: countHeld(shell),
      dueAt: 0,
      laneIds: new Map(),
    };
    for (const lane of readLanes(shell)) {
      line.lanes.set(lane.id, lane);
      joined(line.clocks, lane, now);
    }
    shell.line = line;
  }
  return shell.line;
}

/** Lanes of an event may hold ready runs again. */
export function wakeEvent(shell: Shell, eventId: string, now: number): void {
  const line = theLine(shell, now);
  for (const lane of readLanes(shell)) {
    if (lane.flow === eventId && !line.lanes.has(lane.id)) {
      line.lanes.set(lane.id, lane);
      joined(line.clocks, lane, now);
    }
  }
}

/** How the runs of a lane's event wait now, by its newest version; defaults for ad-hoc runs. */
export function queueingOfFlow(shell: Shell, line: Line, flow: string): EventQueueing {
  let queueing = line.queueing.get(flow);
  if (queueing === undefined) {
    const event = flow === ADHOC_FLOW ? null : readEvent(shell, flow);
    queueing = event === null ? EventQueueingInput.parse({}) : queueingOf(event);
    line.queueing.set(flow, queueing);
  }
  return queueing;
}

/** Forgets lanes in which no run is queued, so that changed priorities and labels leave nothing behind. */
export function forgetEmptyLanes(shell: Shell): void {
  const gone = shell.sql
    .exec(
      `DELETE FROM lanes
       WHERE NOT EXISTS (SELECT 1 FROM runs r INDEXED BY runs_lane WHERE r.state = 'queued' AND r.lane = lanes.id)
       RETURNING id`,
    )
    .toArray();
  shell.line?.laneIds.clear();
  for (const row of gone) {
    const lane = shell.line?.lanes.get(row["id"] as number);
    if (lane !== undefined && shell.line !== null) {
      leaveLane(shell.line, lane);
    }
  }
}
