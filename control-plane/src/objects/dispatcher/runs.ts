/** Runs and their attempts in the Dispatcher's storage. Every write of a run passes `saveStep`. */
import { isLiveAttempt } from "@cronium/protocol/run-states";
import type { EventDefinition, Job, Json, Run } from "@cronium/protocol";
import { withoutQueueing } from "../../domain/event-queueing.ts";
import { toDetail, toSummary, type AttemptRecord, type RunDetail, type RunRecord } from "../../domain/run.ts";
import { decide, type Command } from "../../domain/run-machine.ts";
import type { Circumstances, RunState, Step } from "../../domain/run-step.ts";
import { joinLane, laneOf } from "./lanes.ts";
import { countAttempt, countRun } from "./metrics.ts";
import { addToOutbox } from "./outbox.ts";
import { countPlace } from "./places.ts";
import { table } from "./rows.ts";
import { justEnded } from "../../domain/transition.ts";
import { randomFraction, wakeBy, type Shell, type Turn } from "./shell.ts";

/** Rows of runs, for `waiting-runs.ts` too. */
export const runs = table<RunRecord>("runs", ["id"], {
  id: "plain",
  eventId: "plain",
  eventName: "plain",
  eventVersion: "plain",
  trigger: "plain",
  runtime: "plain",
  labels: "json",
  timeoutMs: "plain",
  memoryMb: "plain",
  maxAttempts: "plain",
  scriptRetries: "plain",
  onLost: "plain",
  state: "plain",
  queueReason: "plain",
  skipReason: "plain",
  failReason: "plain",
  cancelReason: "plain",
  expireReason: "plain",
  message: "plain",
  attempt: "plain",
  offered: "flag",
  exitCode: "plain",
  signal: "plain",
  runnerId: "plain",
  runnerName: "plain",
  queuedAt: "plain",
  startedAt: "plain",
  finishedAt: "plain",
  notBefore: "plain",
  cancelRequestedAt: "plain",
  infraFailures: "plain",
  scriptFailures: "plain",
  starts: "plain",
  logState: "plain",
  logBytes: "plain",
  queue: "plain",
  priority: "plain",
  lane: "plain",
  gate: "plain",
  concurrencyKey: "plain",
  holds: "flag",
  expiresAt: "plain",
  retryOf: "plain",
  wishes: "json",
  rev: "plain",
});

const attempts = table<AttemptRecord>("attempts", ["runId", "attempt"], {
  runId: "plain",
  attempt: "plain",
  state: "plain",
  failReason: "plain",
  message: "plain",
  runnerId: "plain",
  runnerName: "plain",
  epoch: "plain",
  deadlineAt: "plain",
  exitCode: "plain",
  signal: "plain",
  late: "flag",
  outcome: "plain",
  resultDigest: "plain",
  offeredAt: "plain",
  acceptedAt: "plain",
  startedAt: "plain",
  exitedAt: "plain",
  finishedAt: "plain",
});

export const LIVE = "state IN ('offered', 'accepted', 'running', 'finishing')";

export function insertRun(
  shell: Shell,
  turn: Turn,
  run: RunRecord,
  payload: { readonly input: Json; readonly definition: EventDefinition | null },
): void {
  const placed = place(shell, turn, run, null);
  shell.sql.exec(runs.insert, ...runs.write(placed));
  shell.sql.exec(
    "INSERT INTO payloads (run_id, input, output, definition) VALUES (?, ?, 'null', ?)",
    run.id,
    JSON.stringify(payload.input),
    payload.definition === null ? null : JSON.stringify(payload.definition),
  );
  noteChange(shell, turn, null, placed);
}

/** The definition of an ad-hoc run; null when the run is not here any more, or ran an event. */
export function readOwnDefinition(shell: Shell, runId: string): EventDefinition | null {
  const row = shell.sql.exec("SELECT definition FROM payloads WHERE run_id = ?", runId).toArray()[0];
  const text = row?.["definition"] ?? null;
  return text === null ? null : (JSON.parse(text as string) as EventDefinition);
}

export function writeInput(shell: Shell, runId: string, input: Json): void {
  shell.sql.exec("UPDATE payloads SET input = ? WHERE run_id = ?", JSON.stringify(input), runId);
}

export function readRun(shell: Shell, runId: string): RunRecord | null {
  const row = shell.sql.exec("SELECT * FROM runs WHERE id = ?", runId).toArray()[0];
  return row === undefined ? null : runs.read(row);
}

export function readAttempt(shell: Shell, runId: string, attempt: number): AttemptRecord | null {
  const row = shell.sql.exec("SELECT * FROM attempts WHERE run_id = ? AND attempt = ?", runId, attempt).toArray()[0];
  return row === undefined ? null : attempts.read(row);
}

/** With the attempt named, or the newest one. Null when there is no such run. */
export function readState(shell: Shell, runId: string, attempt?: number): RunState | null {
  const run = readRun(shell, runId);
  return run === null ? null : { run, attempt: readAttempt(shell, runId, attempt ?? run.attempt) };
}

/** The whole run as the API shows it. */
export function viewRun(shell: Shell, run: RunRecord): Run {
  return { ...toSummary(run), ...viewDetail(shell, run) };
}

export function viewDetail(shell: Shell, run: RunRecord): RunDetail {
  const payload = shell.sql.exec("SELECT input, output FROM payloads WHERE run_id = ?", run.id).one();
  const tries = shell.sql
    .exec("SELECT * FROM attempts WHERE run_id = ? ORDER BY attempt", run.id)
    .toArray()
    .map(attempts.read);
  return toDetail(run, tries, {
    input: JSON.parse(payload["input"] as string) as Json,
    output: JSON.parse(payload["output"] as string) as Json,
  });
}

/** A version is stored with what only its event needs. */
type StoredDefinition = EventDefinition & { readonly defaultInput?: Json };

/** What a runner is handed for the run's newest attempt. */
export function jobOf(shell: Shell, run: RunRecord): Job {
  const row = shell.sql
    .exec(
      `SELECT p.input AS input, coalesce(p.definition, v.definition) AS definition
       FROM payloads p LEFT JOIN event_versions v ON v.event_id = ?2 AND v.version = ?3
       WHERE p.run_id = ?1`,
      run.id,
      run.eventId,
      run.eventVersion,
    )
    .one();
  const { defaultInput: _, ...stored } = JSON.parse(row["definition"] as string) as StoredDefinition;
  return {
    runId: run.id,
    attempt: run.attempt,
    eventId: run.eventId,
    eventName: run.eventName,
    eventVersion: run.eventVersion,
    workspaceId: shell.workspaceId,
    trigger: run.trigger,
    queuedAt: run.queuedAt,
    definition: withoutQueueing(stored),
    input: JSON.parse(row["input"] as string) as Json,
  };
}

/** Decides one command against what is stored and writes what it changed. */
export function act(shell: Shell, turn: Turn, state: RunState, command: Command, output?: Json): Step {
  const step = decide(state, command, circumstances(shell, turn));
  saveStep(shell, turn, state, step);
  if (step.keepOutput === true && output !== undefined && output !== null) {
    shell.sql.exec("UPDATE payloads SET output = ? WHERE run_id = ?", JSON.stringify(output), state.run.id);
  }
  return step;
}

export function circumstances(shell: Shell, turn: Turn): Circumstances {
  return {
    now: turn.now,
    random: randomFraction(shell),
    leaseMs: shell.deps.config.leaseMs,
  };
}

function write(shell: Shell, change: ReturnType<typeof runs.change>): void {
  if (change !== null) {
    shell.sql.exec(change.query, ...change.values);
  }
}

/** Writes the records that the step changed, and everything that follows from it, in the turn's commit. */
export function saveStep(shell: Shell, turn: Turn, before: RunState, step: Step): void {
  const { attempt } = step;
  const run = step.run === before.run ? step.run : place(shell, turn, step.run, before.run);
  if (attempt !== null && attempt !== before.attempt) {
    const old = before.attempt?.attempt === attempt.attempt ? before.attempt : null;
    if (old === null) {
      shell.sql.exec(attempts.insert, ...attempts.write(attempt));
    } else {
      write(shell, attempts.change(old, attempt));
    }
    countAttempt(turn, old, attempt);
    const live = isLiveAttempt(attempt.state);
    if (live !== (old !== null && isLiveAttempt(old.state))) {
      turn.slotsMoved.add(attempt.runnerId);
      turn.pumpNeeded ||= !live;
    }
    if (live) {
      wakeBy(turn, attempt.deadlineAt);
    }
  }
  if (run !== before.run) {
    write(shell, runs.change(before.run, run));
    noteChange(shell, turn, before.run, run);
  }
  if (step.cancelJob !== undefined && attempt !== null) {
    turn.frames.push({
      runnerId: attempt.runnerId,
      message: {
        type: "cancel",
        runId: run.id,
        attempt: attempt.attempt,
        reason: step.cancelJob.reason,
        graceMs: CANCEL_GRACE_MS,
      },
    });
  }
}

/** Between SIGTERM and SIGKILL of a cancelled job. */
const CANCEL_GRACE_MS = 10_000;

/** Where a queued run waits: its lane, and whether something keeps it from being looked at. */
function place(shell: Shell, turn: Turn, run: RunRecord, before: RunRecord | null): RunRecord {
  if (run.state !== "queued" || run.offered) {
    return run;
  }
  const waited = before?.state === "queued";
  const stays = waited && !before.offered && before.priority === run.priority && before.holds === run.holds;
  const parked = waited && run.gate === "key" ? "key" : "";
  return { ...run, lane: stays ? run.lane : laneOf(shell, run), gate: run.notBefore > turn.now ? "time" : parked };
}

/** When a run gives its place back, or leaves the queue without having taken one, the next of its key may try. */
function unpark(shell: Shell, turn: Turn, run: RunRecord): void {
  const next = shell.sql
    .exec(
      `UPDATE runs SET gate = '' WHERE n = (
         SELECT n FROM runs INDEXED BY runs_parked
         WHERE state = 'queued' AND gate = 'key' AND event_id = ? AND concurrency_key = ?
         ORDER BY priority DESC, n LIMIT 1)
       RETURNING *`,
      run.eventId,
      run.concurrencyKey,
    )
    .toArray()
    .map(runs.read);
  for (const one of next) {
    joinLane(shell, one, turn.now);
    turn.pumpNeeded = true;
  }
}

function noteChange(shell: Shell, turn: Turn, before: RunRecord | null, run: RunRecord): void {
  turn.changedRuns.set(run.id, run);
  countRun(turn, before, run);
  countPlace(shell, before, run);
  const gaveBack = before?.holds === true && !run.holds;
  if (gaveBack) {
    turn.pumpNeeded = true;
  }
  if (run.concurrencyKey !== null && before !== null && (gaveBack || justEnded(before, run))) {
    unpark(shell, turn, run);
  }
  addToOutbox(shell, turn, "run", run.id, run.rev);
  // A job that printed nothing leaves nothing in its room, which need not be woken to be told so.
  const mayHaveRoom = run.logBytes > 0 || run.attempt > 1 || !["none", "complete"].includes(run.logState);
  if (before !== null && justEnded(before, run) && (mayHaveRoom || shell.watches.has(run.id))) {
    addToOutbox(shell, turn, "room", run.id, run.rev);
  }
  if (run.state === "queued" && !run.offered) {
    turn.pumpNeeded = true;
    const wasReady = before?.state === "queued" && !before.offered && before.gate === "" && before.lane === run.lane;
    if (run.gate === "" && !wasReady) {
      joinLane(shell, run, turn.now);
    }
    wakeBy(turn, run.notBefore > turn.now ? run.notBefore : Number.POSITIVE_INFINITY);
    wakeBy(turn, run.starts === 0 ? (run.expiresAt ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY);
  }
}

/** Live attempts of a runner, oldest first. */
export function readLiveAttempts(shell: Shell, runnerId: string): AttemptRecord[] {
  return shell.sql
    .exec(`SELECT * FROM attempts WHERE runner_id = ? AND ${LIVE} ORDER BY run_id`, runnerId)
    .toArray()
    .map(attempts.read);
}

/** Lost attempts of runs that wait for this runner to return. */
export function readWaitingOn(shell: Shell, runnerId: string): AttemptRecord[] {
  return shell.sql
    .exec(
      `SELECT a.* FROM runs r JOIN attempts a ON a.run_id = r.id AND a.attempt = r.attempt
       WHERE r.state = 'waiting' AND r.runner_id = ?`,
      runnerId,
    )
    .toArray()
    .map(attempts.read);
}

/** Live attempts whose deadline has passed. */
export function readOverdue(shell: Shell, now: number, limit: number): AttemptRecord[] {
  return shell.sql
    .exec(
      `SELECT * FROM attempts INDEXED BY attempts_deadline
       WHERE ${LIVE} AND deadline_at <= ? ORDER BY deadline_at LIMIT ?`,
      now,
      limit,
    )
    .toArray()
    .map(attempts.read);
}

/** Slots taken of every runner that holds anything. */
export function countHeld(shell: Shell): Map<string, number> {
  const held = new Map<string, number>();
  for (const row of shell.sql.exec(
    `SELECT runner_id, count(*) AS held FROM attempts INDEXED BY attempts_live WHERE ${LIVE} GROUP BY runner_id`,
  )) {
    held.set(row["runner_id"] as string, row["held"] as number);
  }
  return held;
}
