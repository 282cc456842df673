/**
 * What the engine counts about itself.
 *
 * Runs by state and by hour are rows of `counters`, written in the commit of the change itself: a turn adds up what it
 * changed and writes each sum once. Nobody ever counts runs to answer a question. Meters (latency, sizes of commits)
 * live in memory only, are added to after the commit, and begin at zero with each instance, as scrapers expect.
 */
import type { RunState } from "@cronium/protocol";
import { isDeadLetter, isTerminal } from "@cronium/protocol/run-states";
import type { AttemptRecord, RunRecord } from "../../domain/run.ts";
import type { Meters } from "../../domain/engine-stats.ts";
import type { Shell, Turn } from "./shell.ts";

export const HOUR_MS = 3_600_000;

/** What one turn changed. */
export interface Tally {
  /** By name of the counter, then whether it belongs to the hour. */
  readonly live: Map<RunState | "dead_letters", number>;
  readonly hour: Map<string, number>;
  readonly dispatched: { readonly run: RunRecord; readonly waitedMs: number }[];
  /** Who was offered what: runner by run. */
  readonly offers: Map<string, string>;
  readonly ended: RunRecord[];
  /** Attempts whose script has begun, or that failed: what they say of their runners is decided at the turn's end. */
  readonly starts: { readonly before: AttemptRecord | null; readonly attempt: AttemptRecord }[];
  readonly quarantined: { readonly runnerId: string; readonly message: string }[];
  leasesLost: number;
  retries: number;
}

export function newTally(): Tally {
  return {
    live: new Map(),
    hour: new Map(),
    dispatched: [],
    offers: new Map(),
    ended: [],
    starts: [],
    quarantined: [],
    leasesLost: 0,
    retries: 0,
  };
}

/** Upper bounds of the buckets: milliseconds, and pieces of work in a commit. */
export const DISPATCH_BOUNDS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000, 300_000];
export const COMMIT_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export function newMeters(): Meters {
  return {
    dispatchMs: { bounds: DISPATCH_BOUNDS_MS, counts: DISPATCH_BOUNDS_MS.map(() => 0), sum: 0, count: 0 },
    commitSize: { bounds: COMMIT_BOUNDS, counts: COMMIT_BOUNDS.map(() => 0), sum: 0, count: 0 },
    leasesLost: 0,
    retries: 0,
    quarantines: 0,
  };
}

/** Called with every change of a run, `before` null for a new one. */
export function countRun(turn: Turn, before: RunRecord | null, run: RunRecord): void {
  const { tally } = turn;
  if (before === null) {
    add(tally.hour, "triggered");
  }
  if (before?.state !== run.state) {
    if (before !== null && !isTerminal(before.state)) {
      add(tally.live, before.state, -1);
    }
    if (before !== null && isDeadLetter(before)) {
      countDeadLetters(turn, -1);
    }
    if (isTerminal(run.state)) {
      add(tally.hour, run.state);
      if (isDeadLetter(run)) {
        countDeadLetters(turn, 1);
      }
      tally.ended.push(run);
    } else {
      add(tally.live, run.state);
    }
  }
  if (run.offered && before?.offered !== true) {
    tally.dispatched.push({ run, waitedMs: Math.max(0, turn.now - Math.max(run.queuedAt, run.notBefore)) });
  }
  const failures = run.infraFailures + run.scriptFailures;
  if (before !== null && run.state === "queued" && failures > before.infraFailures + before.scriptFailures) {
    tally.retries += 1;
  }
}

/** Dead letters that are kept: one more, or so many fewer. */
export function countDeadLetters(turn: Turn, by: number): void {
  add(turn.tally.live, "dead_letters", by);
}

export function countAttempt(turn: Turn, before: AttemptRecord | null, attempt: AttemptRecord): void {
  if (before === null) {
    turn.tally.offers.set(attempt.runId, attempt.runnerId);
  }
  if (attempt.state === "lost" && before?.state !== "lost") {
    turn.tally.leasesLost += 1;
  }
  if (attempt.state === "failed" || (attempt.startedAt !== null && before?.startedAt === null)) {
    turn.tally.starts.push({ before, attempt });
  }
}

/** Part of the turn's commit. */
export function writeTally(shell: Shell, turn: Turn): void {
  const hour = Math.floor(turn.now / HOUR_MS) * HOUR_MS;
  const values = [
    ...[...turn.tally.live].flatMap(([state, by]) => (by === 0 ? [] : [state, 0, by])),
    ...[...turn.tally.hour].flatMap(([name, by]) => (by === 0 ? [] : [name, hour, by])),
  ];
  if (values.length > 0) {
    shell.sql.exec(
      `INSERT INTO counters (name, hour, value) VALUES ${Array<string>(values.length / 3)
        .fill("(?, ?, ?)")
        .join(", ")}
       ON CONFLICT (name, hour) DO UPDATE SET value = value + excluded.value`,
      ...values,
    );
  }
}

/** After the commit: what a crash takes back was never counted. */
export function meter(shell: Shell, turn: Turn, size: number): void {
  const { meters } = shell;
  for (const { waitedMs } of turn.tally.dispatched) {
    observe(meters.dispatchMs, waitedMs);
  }
  observe(meters.commitSize, size);
  meters.leasesLost += turn.tally.leasesLost;
  meters.retries += turn.tally.retries;
  meters.quarantines += turn.tally.quarantined.length;
}

/**
 * After the commit: one line for each offer and each end, by which a run can be followed from its request, and one for
 * each runner that its owner has to look at.
 */
export function logTally(shell: Shell, turn: Turn): void {
  const { workspaceId } = shell;
  const { log } = shell.deps;
  for (const { run, waitedMs } of turn.tally.dispatched) {
    const { id: runId, attempt } = run;
    log.info("run.dispatched", { workspaceId, runId, attempt, runnerId: turn.tally.offers.get(runId), waitedMs });
  }
  for (const { id: runId, attempt, state, failReason, startedAt } of turn.tally.ended) {
    const ranMs = startedAt === null ? null : turn.now - startedAt;
    log.info("run.finished", { workspaceId, runId, attempt, state, failReason, ranMs });
  }
  for (const { runnerId, message } of turn.tally.quarantined) {
    log.warn("runner.quarantined", { workspaceId, runnerId, message });
  }
}

function observe(histogram: Meters["dispatchMs"], value: number): void {
  const at = histogram.bounds.findIndex((bound) => value <= bound);
  if (at !== -1) {
    histogram.counts[at] = (histogram.counts[at] ?? 0) + 1;
  }
  histogram.sum += value;
  histogram.count += 1;
}

function add<K>(to: Map<K, number>, key: K, by = 1): void {
  to.set(key, (to.get(key) ?? 0) + by);
}
