/** What changes a run. Every write of a run and its attempts passes `saveStep`. */
import { isLiveAttempt } from "@cronium/protocol/run-states";
import type { EventDefinition, Json } from "@cronium/protocol";
import type { RunRecord } from "../../domain/run.ts";
import { decide, type Command } from "../../domain/run-machine.ts";
import type { Circumstances, RunState, Step } from "../../domain/run-step.ts";
import { attemptEnded } from "./calls/ended.ts";
import { joinLane, laneOf, withKnownReason } from "./lanes.ts";
import { countAttempt, countRun } from "./metrics.ts";
import { addToOutbox } from "./outbox.ts";
import { countPlace, countSlot } from "./places.ts";
import { justEnded } from "../../domain/transition.ts";
import { randomFraction, wakeBy, type Shell, type Turn } from "./shell.ts";
import { attempts } from "./attempts.ts";
import { runs } from "./run-rows.ts";

export function insertRun(
  shell: Shell,
  turn: Turn,
  run: RunRecord,
  payload: { readonly input: Json; readonly definition: EventDefinition | null },
): void {
  const waiting = place(shell, turn, run, null);
  const placed = withKnownReason(shell, waiting);
  const { n } = shell.sql.exec(`${runs.insert} RETURNING n`, ...runs.write(placed)).one();
  const lane = placed === waiting ? undefined : shell.line?.lanes.get(placed.lane);
  if (lane !== undefined) {
    lane.toldFrom ??= n as number;
  }
  shell.sql.exec(
    "INSERT INTO payloads (run_id, input, output, definition) VALUES (?, ?, 'null', ?)",
    run.id,
    JSON.stringify(payload.input),
    payload.definition === null ? null : JSON.stringify(payload.definition),
  );
  noteChange(shell, turn, null, placed);
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
      countSlot(shell, attempt.runnerId, live ? 1 : -1);
      turn.slotsMoved.add(attempt.runnerId);
      turn.pumpNeeded ||= !live;
    }
    if (live) {
      wakeBy(turn, attempt.deadlineAt);
    } else {
      if (run.wishes?.secrets === true) {
        shell.sql.exec("DELETE FROM sealed_grants WHERE run_id = ? AND attempt = ?", run.id, attempt.attempt);
      }
      attemptEnded(shell, run.id, attempt.attempt);
    }
  }
  if (run !== before.run) {
    write(shell, runs.change(before.run, run));
    noteChange(shell, turn, before.run, run);
  }
  shell.recent.keep({ run, attempt });
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
  addToOutbox(turn, "run", run.id, run.rev);
  // A job that printed nothing leaves nothing in its room, which need not be woken to be told so.
  const mayHaveRoom = run.logBytes > 0 || run.attempt > 1 || !["none", "complete"].includes(run.logState);
  if (before !== null && justEnded(before, run) && (mayHaveRoom || shell.watches.has(run.id))) {
    addToOutbox(turn, "room", run.id, run.rev);
  }
  if (run.state === "queued" && !run.offered) {
    turn.pumpNeeded = true;
    const wasReady = before?.state === "queued" && !before.offered && before.gate === "" && before.lane === run.lane;
    if (run.gate === "" && !wasReady) {
      joinLane(shell, run, turn.now);
    }
    const dueAt = Math.min(
      run.notBefore > turn.now ? run.notBefore : Number.POSITIVE_INFINITY,
      run.starts === 0 ? (run.expiresAt ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
    );
    wakeBy(turn, dueAt);
    if (shell.line !== null) {
      shell.line.dueAt = Math.min(shell.line.dueAt, dueAt);
    }
  }
}
