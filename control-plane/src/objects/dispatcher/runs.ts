/** Runs and their attempts in the Dispatcher's storage. Every write of a run passes `saveStep`. */
import { isLiveAttempt } from "@cronium/protocol/run-states";
import type { Artifact, EventDefinition, Json, Run } from "@cronium/protocol";
import { toDetail, toSummary, type AttemptRecord, type RunDetail, type RunRecord } from "../../domain/run.ts";
import { decide, type Command } from "../../domain/run-machine.ts";
import type { Circumstances, RunState, Step } from "../../domain/run-step.ts";
import { readArtifacts } from "./calls/artifact-rows.ts";
import { attemptEnded } from "./calls/ended.ts";
import { joinLane, laneOf, withKnownReason } from "./lanes.ts";
import { countAttempt, countRun } from "./metrics.ts";
import { addToOutbox } from "./outbox.ts";
import { countPlace, countSlot, LIVE } from "./places.ts";
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
  requeues: "plain",
  wishes: "json",
  origin: "json",
  notes: "json",
  chained: "json",
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

/** The definition of an ad-hoc run; null when the run is not here any more, or ran an event. */
export function readOwnDefinition(shell: Shell, runId: string): EventDefinition | null {
  const row = shell.sql.exec("SELECT definition FROM payloads WHERE run_id = ?", runId).toArray()[0];
  const text = row?.["definition"] ?? null;
  // One that was stored before these fields existed has their defaults.
  const defaults: Pick<EventDefinition, "secrets" | "secretEnv"> = { secrets: [], secretEnv: [] };
  return text === null
    ? null
    : { ...defaults, ...(JSON.parse(text as string) as Omit<EventDefinition, keyof typeof defaults>) };
}

export function writeInput(shell: Shell, runId: string, input: Json): void {
  shell.sql.exec("UPDATE payloads SET input = ? WHERE run_id = ?", JSON.stringify(input), runId);
}

export function readRun(shell: Shell, runId: string): RunRecord | null {
  const known = shell.recent.get(runId);
  if (known !== undefined) {
    return known.run;
  }
  const row = shell.sql.exec("SELECT * FROM runs WHERE id = ?", runId).toArray()[0];
  return row === undefined ? null : runs.read(row);
}

export function readAttempt(shell: Shell, runId: string, attempt: number): AttemptRecord | null {
  const row = shell.sql.exec("SELECT * FROM attempts WHERE run_id = ? AND attempt = ?", runId, attempt).toArray()[0];
  return row === undefined ? null : attempts.read(row);
}

/** With the attempt named, or the newest one. Null when there is no such run. */
export function readState(shell: Shell, runId: string, attempt?: number): RunState | null {
  const known = shell.recent.get(runId);
  if (known !== undefined && (attempt ?? known.run.attempt) === known.attempt.attempt) {
    return known;
  }
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
    artifacts: artifactsOf(shell, run),
  });
}

/** Most runs keep none, and are not looked up. */
function artifactsOf(shell: Shell, run: RunRecord): Artifact[] {
  return (run.notes?.artifacts ?? 0) === 0 ? [] : readArtifacts(shell.sql, run.id);
}

/** About as much input and output as `readWholeRuns` takes into memory at a time, in characters. */
const WHOLE_CHARS = 8_000_000;

/**
 * Of these runs those that are still here, each with what only its own page shows: three statements for all of them.
 * When they are large some are left for the next time, but never all.
 */
export function readWholeRuns(
  shell: Shell,
  ids: readonly string[],
): { readonly runs: readonly { readonly run: RunRecord; readonly detail: RunDetail }[]; readonly left: Set<string> } {
  const found = new Map(ids.map((id) => [id, shell.recent.get(id)?.run]));
  const missing = ids.filter((id) => found.get(id) === undefined);
  for (const row of readMany(shell, "SELECT * FROM runs WHERE id", missing)) {
    found.set(row["id"] as string, runs.read(row));
  }
  const tried = [...found.values()].flatMap((run) =>
    run === undefined || run.attempt === 0 || isOnlyRecent(shell, run) ? [] : [run.id],
  );
  const tries = Map.groupBy([...readMany(shell, "SELECT * FROM attempts WHERE run_id", tried)], (row) => row["run_id"]);
  const whole: { run: RunRecord; detail: RunDetail }[] = [];
  const left = new Set([...found.values()].flatMap((run) => run?.id ?? []));
  let chars = 0;
  for (const row of readMany(shell, "SELECT run_id, input, output FROM payloads WHERE run_id", ids)) {
    const run = found.get(row["run_id"] as string);
    if (run === undefined) {
      continue;
    }
    const { run_id: id, input, output } = row as Record<"run_id" | "input" | "output", string>;
    const recent = shell.recent.get(id);
    const attempts_ = tries.get(id)?.map(attempts.read) ?? (recent === undefined ? [] : [recent.attempt]);
    const payload = {
      input: JSON.parse(input) as Json,
      output: JSON.parse(output) as Json,
      artifacts: artifactsOf(shell, run),
    };
    whole.push({
      run,
      detail: toDetail(
        run,
        attempts_.toSorted((a, b) => a.attempt - b.attempt),
        payload,
      ),
    });
    chars += input.length + output.length;
    left.delete(id);
    if (chars > WHOLE_CHARS) {
      return { runs: whole, left };
    }
  }
  return { runs: whole, left: new Set() };
}

/** Whether all that is known of the run's attempts is in memory. */
function isOnlyRecent(shell: Shell, run: RunRecord): boolean {
  return run.attempt === 1 && shell.recent.get(run.id) !== undefined;
}

/** Rows whose key, with which the query ends, is one of these. */
function readMany(
  shell: Shell,
  query: string,
  keys: readonly string[],
): Iterable<Readonly<Record<string, SqlStorageValue>>> {
  return keys.length === 0 ? [] : shell.sql.exec(`${query} IN (SELECT value FROM json_each(?))`, JSON.stringify(keys));
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
