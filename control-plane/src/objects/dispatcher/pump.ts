/**
 * Brings waiting runs and free slots together: lane by lane in the order of `domain/queue-order.ts`, first come first
 * served within a lane. A lane that nobody can take now is left out of the rest of the walk, so that a thousand runs
 * waiting for one busy label do not hold up those behind them.
 */
import { HOME_SHARD } from "@cronium/protocol/ids";
import type { ConcurrencyKey, Job } from "@cronium/protocol";
import { nextLane, served } from "../../domain/queue-order.ts";
import { concurrencySource, sourceText } from "../../domain/queue-key.ts";
import { limitMessage, pausedMessage } from "../../domain/queue-place.ts";
import { route, type FleetMember, type Route } from "../../domain/routing.ts";
import type { RunRecord } from "../../domain/run.ts";
import { offer } from "../../domain/run-offer.ts";
import { nextTokenAt, rateMessage } from "../../domain/token-bucket.ts";
import { withRev } from "../../domain/run-machine.ts";
import { readEventName } from "./events.ts";
import { askDueAt, placesHere } from "./allowances.ts";
import { handoverMessage, isLimited } from "./handovers.ts";
import { leaveLane, queueingOfFlow, theLine } from "./lanes.ts";
import { bucketNow, takeToken } from "./buckets.ts";
import { keepLastRunner, lastRunnerOf } from "./last-runners.ts";
import { readHolders } from "./places.ts";
import { jobsOf, type SizedJob } from "./jobs.ts";
import { saveStep } from "./runs.ts";
import { wakeBy, type Lane, type Line, type Shell, type Turn, type Wait } from "./shell.ts";
import { fleetMembers } from "./runners.ts";
import { expireDue, readDueAt, readReady, readReadyAfter, readUnexplained, releaseDue } from "./waiting-runs.ts";

const PAGE = 64;
const MAX_FRAME_CHARS = 1_000_000;
/**
 * Waiting runs of a lane that are told a reason at once. The rest follow in pieces that leave nine tenths of the time
 * to others: with its way to D1 a run takes about 1 ms, so 20 runs in 200 ms.
 */
const FIRST_REASONS = 500;
const NEXT_REASONS = 20;
const NEXT_REASONS_MS = 200;

/** What one walk over the lanes knows. */
interface Walk {
  readonly line: Line;
  fleet: FleetMember[];
  /** Lanes that were not found empty or blocked yet. */
  readonly open: Map<number, Lane>;
  readonly blocked: Map<Lane, Wait>;
  /** Answers of routing that hold until a slot is taken. */
  readonly routes: Map<string, Route>;
  /** Runs read ahead, by lane. */
  readonly ahead: Map<number, RunRecord[]>;
  /** What each runner is offered. */
  readonly offers: Map<string, RunRecord[]>;
}

export function pump(shell: Shell, turn: Turn): void {
  const line = theLine(shell, turn.now);
  shell.places.blocked = false;
  if (line.dueAt <= turn.now) {
    releaseDue(shell, turn);
    expireDue(shell, turn);
    line.dueAt = readDueAt(shell);
  }
  if (line.lanes.size === 0) {
    return;
  }
  const walk: Walk = {
    line,
    fleet: fleetMembers(shell, turn.now),
    open: new Map(),
    blocked: new Map(),
    routes: new Map(),
    ahead: new Map(),
    offers: new Map(),
  };
  for (const lane of line.lanes.values()) {
    const found = whyNot(shell, turn, walk, lane);
    if (found.kind === "wait") {
      walk.blocked.set(lane, found);
    } else {
      walk.open.set(lane.id, lane);
    }
  }
  for (;;) {
    const lane = nextLane(line.clocks, walk.open.values(), turn.now);
    if (lane === null) {
      break;
    }
    serve(shell, turn, walk, lane);
  }
  if (shell.places.blocked && shell.shard !== HOME_SHARD) {
    wakeBy(turn, Math.max(turn.now, askDueAt(shell)));
  }
  for (const [lane, why] of walk.blocked) {
    explain(shell, turn, lane, why);
  }
  for (const [runnerId, runs] of walk.offers) {
    for (const jobs of inFrames(jobsOf(shell, runs))) {
      turn.frames.push({ runnerId, message: { type: "jobs", jobs } });
    }
  }
}

/** Offers the lane's next run, or takes the lane out of the walk. */
function serve(shell: Shell, turn: Turn, walk: Walk, lane: Lane): void {
  const found = whyNot(shell, turn, walk, lane);
  if (found.kind === "wait") {
    walk.open.delete(lane.id);
    walk.blocked.set(lane, found);
    return;
  }
  const run = nextRun(shell, walk, lane);
  if (run === null) {
    walk.open.delete(lane.id);
    leaveLane(walk.line, lane);
    return;
  }
  const queueing = queueingOfFlow(shell, walk.line, lane.flow);
  if (!lane.holding && isParked(shell, turn, run, queueing.concurrencyKey)) {
    return;
  }
  const { runner } = found;
  walk.fleet = walk.fleet.map((one) => (one.id === runner.id ? { ...one, slotsUsed: one.slotsUsed + 1 } : one));
  walk.routes.clear();
  if (lane.wishes?.sticky === true) {
    keepLastRunner(shell, walk.line, lane.flow, runner.id);
  }
  // A retry, or an offer that was declined, has had its token.
  if (queueing.rateLimit !== null && !lane.tried) {
    takeToken(shell, walk.line, lane.flow, queueing.rateLimit, turn.now);
  }
  served(walk.line.clocks, lane, queueing.weight, turn.now);
  const offered = makeOffer(shell, turn, run, runner);
  const others = walk.offers.get(runner.id);
  if (others === undefined) {
    walk.offers.set(runner.id, [offered]);
  } else {
    others.push(offered);
  }
}

/**
 * The runner that gets the lane's next run, or why none does: a paused queue, then what the fleet lacks, then limits,
 * then busy runners.
 */
function whyNot(shell: Shell, turn: Turn, walk: Walk, lane: Lane): Route {
  const note = walk.line.paused.get(lane.queue);
  if (note !== undefined) {
    return { kind: "wait", queueReason: "queue_paused", message: pausedMessage(lane.queue, note) };
  }
  let found = walk.routes.get(lane.needs);
  if (found === undefined) {
    const sticky = lane.wishes?.sticky === true;
    const last = sticky ? lastRunnerOf(shell, walk.line, lane.flow) : null;
    found = inItsShard(shell, route(lane.labels, walk.fleet, lane.wishes ?? undefined, last));
    walk.routes.set(lane.needs, found);
  }
  const elsewhere = shell.handovers.size > 0 ? handoverOf(shell, walk.line, lane) : null;
  if (elsewhere !== null) {
    return elsewhere;
  }
  const lacking = found.kind === "wait" && found.queueReason !== "runner_busy";
  if (lacking || lane.holding) {
    return found;
  }
  return limitOf(shell, walk.line, lane, turn.now) ?? rateOf(shell, turn, walk.line, lane) ?? found;
}

/** A shard knows the runners that have connected to it; older ones never do. */
function inItsShard(shell: Shell, found: Route): Route {
  if (shell.shard === HOME_SHARD || found.kind !== "wait" || found.queueReason !== "no_matching_runner") {
    return found;
  }
  const hint =
    "This queue has a shard of its own: runners that were installed before there were shards have to be upgraded to serve it.";
  return { ...found, message: `${found.message} ${hint}` };
}

/** Limits of a queue that was taken over hold with the runs that are left elsewhere. */
function handoverOf(shell: Shell, line: Line, lane: Lane): Route | null {
  return shell.handovers.has(lane.queue) && !lane.holding && isLimited(queueingOfFlow(shell, line, lane.flow))
    ? { kind: "wait", queueReason: "concurrency_limit", message: handoverMessage(lane.queue) }
    : null;
}

/** The full limit that holds up a lane; null when it has room. */
function limitOf(shell: Shell, line: Line, lane: Lane, now: number): Route | null {
  const wait = (message: string): Route => ({ kind: "wait", queueReason: "concurrency_limit", message });
  const all = line.settings.concurrency;
  if (all !== null && line.heldInAll >= placesHere(shell, all, now)) {
    shell.places.blocked = true;
    return wait(limitMessage({ of: "workspace", limit: all }));
  }
  const { concurrency: limit } = queueingOfFlow(shell, line, lane.flow);
  if (limit !== null && (line.held.get(lane.flow) ?? 0) >= limit) {
    return wait(limitMessage({ of: "event", limit, name: readEventName(shell, lane.flow) }));
  }
  return null;
}

/** The rate limit that holds up a lane until its next token; null when there is one. */
function rateOf(shell: Shell, turn: Turn, line: Line, lane: Lane): Route | null {
  const { rateLimit } = queueingOfFlow(shell, line, lane.flow);
  if (rateLimit === null || lane.tried) {
    return null;
  }
  const bucket = bucketNow(shell, line, lane.flow, rateLimit, turn.now);
  if (bucket.tokens >= 1) {
    return null;
  }
  wakeBy(turn, nextTokenAt(bucket, rateLimit));
  return { kind: "wait", queueReason: "rate_limit", message: rateMessage(rateLimit, readEventName(shell, lane.flow)) };
}

/** Sets a run aside whose concurrency key is full, until a place of that key is free. */
function isParked(shell: Shell, turn: Turn, run: RunRecord, key: ConcurrencyKey | null): boolean {
  if (run.concurrencyKey === null || key === null) {
    return false;
  }
  const { count, ids } = readHolders(shell, run, key.limit);
  if (count < key.limit) {
    return false;
  }
  const source = concurrencySource({ concurrencyKey: key });
  const what = source === null ? "" : sourceText(source);
  const message = limitMessage({ of: "key", limit: key.limit, what, value: run.concurrencyKey, holders: ids });
  const parked: RunRecord = { ...run, gate: "key", queueReason: "concurrency_limit", message };
  const state = { run, attempt: null };
  saveStep(shell, turn, state, withRev(state, { run: parked, attempt: null, reply: { kind: "none" } }));
  return true;
}

/** Reads as many ahead as there are free slots, for each of them is offered or the walk ends. */
function nextRun(shell: Shell, walk: Walk, lane: Lane): RunRecord | null {
  const ahead = walk.ahead.get(lane.id)?.shift();
  if (ahead !== undefined) {
    return ahead;
  }
  const free = walk.fleet.reduce((sum, one) => sum + Math.max(0, one.slots - one.slotsUsed), 0);
  const [first = null, ...rest] = readReady(shell, lane.id, Math.min(PAGE, Math.max(1, free)));
  walk.ahead.set(lane.id, rest);
  return first;
}

/** As few frames as possible, none of them much larger than the largest job. */
function inFrames(jobs: readonly SizedJob[]): Job[][] {
  const frames: Job[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const { job, chars } of jobs) {
    if (size + chars > MAX_FRAME_CHARS) {
      frames.push([]);
      size = 0;
    }
    frames.at(-1)?.push(job);
    size += chars;
  }
  return frames;
}

function makeOffer(shell: Shell, turn: Turn, run: RunRecord, runner: FleetMember): RunRecord {
  const state = { run, attempt: null };
  const step = withRev(
    state,
    offer(
      state,
      { runnerId: runner.id, runnerName: runner.name, epoch: shell.fleet.get(runner.id)?.epoch ?? "" },
      { now: turn.now, offerTimeoutMs: shell.deps.config.offerTimeoutMs },
    ),
  );
  saveStep(shell, turn, state, step);
  return step.run;
}

/**
 * Writes why the runs of a lane wait: of those that have no reason yet, and of all when what they wait for has changed,
 * for then the reason may be another. A long lane is told piece by piece, so that no turn takes long.
 */
function explain(shell: Shell, turn: Turn, lane: Lane, why: Wait): void {
  if (turn.fleetChanged) {
    lane.outdatedAfter = 0;
    lane.tellAt = turn.now;
  } else if (lane.toldFrom !== null && !isSame(lane.told, why)) {
    lane.outdatedAfter = Math.min(lane.outdatedAfter ?? Number.POSITIVE_INFINITY, lane.toldFrom - 1);
  }
  lane.toldFrom = null;
  lane.told = null;
  if (turn.now < lane.tellAt) {
    return;
  }
  const most = lane.outdatedAfter === 0 || lane.tellAt === 0 ? FIRST_REASONS : NEXT_REASONS;
  if (lane.outdatedAfter !== null) {
    const { runs, last } = readReadyAfter(shell, lane.id, lane.outdatedAfter, most);
    tell(shell, turn, runs, why);
    lane.outdatedAfter = runs.length < most ? null : last;
  }
  if (lane.unexplained) {
    const runs = readUnexplained(shell, lane.id, most);
    tell(shell, turn, runs, why);
    lane.unexplained = runs.length === most;
  }
  lane.tellAt = 0;
  if (lane.unexplained || lane.outdatedAfter !== null) {
    lane.tellAt = turn.now + NEXT_REASONS_MS;
    wakeBy(turn, lane.tellAt);
  } else {
    lane.told = { queueReason: why.queueReason, message: why.message };
  }
}

function isSame(one: Wait | null, other: Wait): boolean {
  return one?.queueReason === other.queueReason && one.message === other.message;
}

function tell(shell: Shell, turn: Turn, runs: readonly RunRecord[], { queueReason, message }: Wait): void {
  for (const run of runs) {
    if (run.queueReason !== queueReason || run.message !== message) {
      const state = { run, attempt: null };
      const told = { ...run, queueReason, message };
      saveStep(shell, turn, state, withRev(state, { run: told, attempt: null, reply: { kind: "none" } }));
    }
  }
}
