/**
 * Brings waiting runs and free slots together: first come, first served, among runs that a runner can take.
 *
 * Runs whose labels found no runner are left out of the rest of the walk by the query itself, so that a thousand runs
 * waiting for one busy label do not hold up those behind them.
 */
import type { Job } from "@cronium/protocol";
import type { QueueReason } from "@cronium/protocol/run-states";
import { route, type FleetMember } from "../../domain/routing.ts";
import type { RunRecord } from "../../domain/run.ts";
import { offer } from "../../domain/run-offer.ts";
import { withRev } from "../../domain/run-machine.ts";
import { jobOf, readOtherwiseExplained, readReady, readUnexplained, saveStep } from "./runs.ts";
import type { Shell, Turn } from "./shell.ts";
import { fleetMembers } from "./runners.ts";

const PAGE = 64;
const MAX_FRAME_CHARS = 1_000_000;
/** Waiting runs that get a new reason in one turn when the fleet changes. */
const MAX_REASONS = 500;

export function pump(shell: Shell, turn: Turn): void {
  if (readReady(shell, turn.now, [], 1).length === 0) {
    return;
  }
  let fleet = fleetMembers(shell, turn.now);
  const blocked: string[] = [];
  const jobs = new Map<string, Job[]>();
  for (;;) {
    const ready = readReady(shell, turn.now, blocked, PAGE);
    if (ready.length === 0) {
      break;
    }
    for (const run of ready) {
      const labels = JSON.stringify(run.labels);
      if (blocked.includes(labels)) {
        continue;
      }
      const found = route(run.labels, fleet);
      if (found.kind === "wait") {
        blocked.push(labels);
        explain(shell, turn, labels, found);
        continue;
      }
      const { runner } = found;
      fleet = fleet.map((one) => (one === runner ? { ...one, slotsUsed: one.slotsUsed + 1 } : one));
      const job = makeOffer(shell, turn, run, runner);
      jobs.set(runner.id, [...(jobs.get(runner.id) ?? []), job]);
    }
  }
  for (const [runnerId, list] of jobs) {
    for (const jobsOfFrame of inFrames(list)) {
      turn.frames.push({ runnerId, message: { type: "jobs", jobs: jobsOfFrame } });
    }
  }
}

/** As few frames as possible, none of them much larger than the largest job. */
function inFrames(jobs: readonly Job[]): Job[][] {
  const frames: Job[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const job of jobs) {
    const own = job.definition.script.length + JSON.stringify(job.input).length;
    if (size + own > MAX_FRAME_CHARS) {
      frames.push([]);
      size = 0;
    }
    frames.at(-1)?.push(job);
    size += own;
  }
  return frames;
}

function makeOffer(shell: Shell, turn: Turn, run: RunRecord, runner: FleetMember): Job {
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
  return jobOf(shell, step.run);
}

/**
 * Writes why runs with these labels wait: of those that have no reason yet, and of all when the fleet has changed, for
 * then the reason may be another.
 */
function explain(
  shell: Shell,
  turn: Turn,
  labels: string,
  why: { readonly queueReason: QueueReason; readonly message: string },
): void {
  const affected = turn.fleetChanged
    ? readOtherwiseExplained(shell, turn.now, labels, why, MAX_REASONS)
    : readUnexplained(shell, turn.now, labels, MAX_REASONS);
  for (const run of affected) {
    const state = { run, attempt: null };
    const explained = { ...run, queueReason: why.queueReason, message: why.message };
    saveStep(shell, turn, state, withRev(state, { run: explained, attempt: null, reply: { kind: "none" } }));
  }
}
