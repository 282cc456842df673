/** Leases in storage: renewed from pings now and then, ended when nothing renewed them. Rules: `domain/lease.ts`. */
import { leaseUntil, tickEveryMs, wasAway } from "../../domain/lease.ts";
import { changeFleet, newestSign } from "./runners.ts";
import { LIVE } from "./places.ts";
import { readOverdue } from "./attempts.ts";
import { readState } from "./run-rows.ts";
import { act } from "./runs.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";
import { readyLink } from "./sockets.ts";

/** `LIVE` is what the indexes of attempts know; without it each look would walk every attempt that ever ended. */
const HELD = `${LIVE} AND state IN ('accepted', 'running')`;
const ACCEPTED = `${LIVE} AND state IN ('accepted', 'running', 'finishing')`;
const BATCH = 500;

/** Writes down what the newest sign of life of this runner renewed. */
export function renewLeases(shell: Shell, runnerId: string): void {
  const runner = shell.fleet.get(runnerId);
  if (runner === undefined || runner.epoch === null) {
    return;
  }
  const until = leaseUntil(0, newestSign(shell, runner), shell.deps.config.leaseMs);
  shell.sql.exec(
    `UPDATE attempts INDEXED BY attempts_live SET deadline_at = ?3
     WHERE runner_id = ?1 AND epoch = ?2 AND ${HELD} AND deadline_at < ?3`,
    runnerId,
    runner.epoch,
    until,
  );
  shell.recent.clear();
}

/** Plans the first tick when a lease begins. */
export function startTicking(shell: Shell, turn: Turn): void {
  if (shell.tickDueAt === null) {
    planTick(shell, turn, turn.now + tickEveryMs(shell.deps.config.leaseMs));
  }
}

/** Renews every lease from the pings since the last tick. */
export function tick(shell: Shell, turn: Turn): void {
  if (shell.tickDueAt === null || shell.tickDueAt > turn.now) {
    return;
  }
  for (const runner of shell.fleet.values()) {
    if (runner.connected) {
      renewLeases(shell, runner.id);
    }
  }
  planTick(shell, turn, countLive(shell) === 0 ? null : turn.now + tickEveryMs(shell.deps.config.leaseMs));
}

/** Ends what was not renewed in time: offers, leases, log drains. */
export function endOverdue(shell: Shell, turn: Turn): void {
  for (const runnerId of new Set(readOverdue(shell, turn.now, BATCH).map((one) => one.runnerId))) {
    renewLeases(shell, runnerId);
  }
  for (const attempt of readOverdue(shell, turn.now, BATCH)) {
    const state = readState(shell, attempt.runId, attempt.attempt);
    if (state !== null) {
      act(shell, turn, state, { type: "deadline_passed" });
      shell.deps.log.info("attempt.deadline_passed", {
        runId: attempt.runId,
        attempt: attempt.attempt,
        state: attempt.state,
        runnerId: attempt.runnerId,
      });
    }
  }
}

/** After an outage of the control plane every live lease gets a full length before anything may be lost. */
export function forgiveOutage(shell: Shell, turn: Turn): void {
  const vanished = [...shell.fleet.values()].filter(
    (runner) => runner.connected && readyLink(shell, runner.id) === null,
  );
  const facts = { vanished: vanished.length, liveLeases: countLive(shell), tickDueAt: shell.tickDueAt, now: turn.now };
  if (!wasAway(facts)) {
    return;
  }
  const until = turn.now + shell.deps.config.leaseMs;
  shell.sql.exec(
    `UPDATE attempts INDEXED BY attempts_live SET deadline_at = ?1 WHERE ${ACCEPTED} AND deadline_at < ?1`,
    until,
  );
  shell.recent.clear();
  wakeBy(turn, until);
  // Once only: from now on they are away by themselves.
  for (const runner of vanished) {
    changeFleet(shell, turn, runner.id, { connected: false });
  }
  shell.deps.log.info("leases.extended", { leases: facts.liveLeases, vanished: vanished.length });
}

export function readTickDueAt(sql: SqlStorage): number | null {
  const row = sql.exec("SELECT value FROM meta WHERE key = 'tick_due_at'").toArray()[0];
  return row === undefined ? null : Number(row["value"]);
}

function planTick(shell: Shell, turn: Turn, at: number | null): void {
  shell.tickDueAt = at;
  if (at === null) {
    shell.sql.exec("DELETE FROM meta WHERE key = 'tick_due_at'");
  } else {
    shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('tick_due_at', ?)", String(at));
    wakeBy(turn, at);
  }
}

function countLive(shell: Shell): number {
  return shell.sql.exec(`SELECT count(*) AS live FROM attempts INDEXED BY attempts_live WHERE ${ACCEPTED}`).one()[
    "live"
  ] as number;
}
