/** Registered runners: what they are, whether they are there, and how many slots they have left. */
import { HOME_SHARD } from "@cronium/protocol/ids";
import { CONTAINER_SINCE } from "@cronium/protocol/version";
import type { Runner } from "@cronium/protocol";
import type { Outcome, RegisterRunnerCommand } from "../../domain/dispatcher.ts";
import type { FleetMember } from "../../domain/routing.ts";
import { SOUND } from "../../domain/quarantine.ts";
import { theLine } from "./lanes.ts";
import { isFresh, pauseText, runnerState, toRunner, type RunnerFacts, type RunnerRecord } from "../../domain/runner.ts";
import { addToOutbox } from "./outbox.ts";
import { table } from "./rows.ts";
import { countHeld } from "./places.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";
import { readyLink, seenAt, transportOf } from "./sockets.ts";

const runners = table<RunnerRecord>("runners", ["id"], {
  id: "plain",
  name: "plain",
  labels: "json",
  version: "plain",
  platform: "json",
  slots: "plain",
  notReady: "json",
  draining: "flag",
  latencyMs: "plain",
  epoch: "plain",
  connected: "flag",
  connectedAt: "plain",
  lastSeenAt: "plain",
  createdAt: "plain",
  revokedAt: "plain",
  startFailures: "json",
  quarantinedAt: "plain",
  quarantineMessage: "plain",
  state: "plain",
  sealingKey: "plain",
  protocol: "plain",
  ephemeral: "flag",
  servedAt: "plain",
  awaySince: "plain",
  clockSkewMs: "plain",
  pause: "json",
  machinePausedAt: "plain",
  facts: "json",
  metrics: "json",
  rev: "plain",
});

/** Three missed pings: 60 s at the default rhythm of 20 s. */
export function unreachableAfterMs(shell: Shell): number {
  return shell.deps.config.renewMs * 3;
}

export function readFleet(sql: SqlStorage): Map<string, RunnerRecord> {
  return new Map(
    sql
      .exec("SELECT * FROM runners ORDER BY id")
      .toArray()
      .map((row) => {
        const runner = runners.read(row);
        return [runner.id, runner];
      }),
  );
}

export function registerRunner(
  shell: Shell,
  turn: Turn,
  command: Omit<RegisterRunnerCommand, "platform"> & Pick<RunnerRecord, "platform">,
): Outcome<null> {
  const old = shell.fleet.get(command.runnerId);
  const { ephemeral = false } = command;
  if (old === undefined) {
    const runner: RunnerRecord = {
      id: command.runnerId,
      name: command.name,
      labels: command.labels,
      version: command.version,
      platform: command.platform,
      slots: 1,
      notReady: [],
      draining: false,
      latencyMs: null,
      epoch: null,
      connected: false,
      connectedAt: null,
      lastSeenAt: null,
      createdAt: turn.now,
      revokedAt: null,
      ...SOUND,
      state: "offline",
      sealingKey: null,
      protocol: 1,
      ephemeral,
      servedAt: null,
      awaySince: ephemeral ? turn.now : null,
      clockSkewMs: null,
      pause: null,
      machinePausedAt: null,
      facts: null,
      metrics: null,
      rev: 1,
    };
    shell.sql.exec(runners.insert, ...runners.write(runner));
    shell.fleet.set(runner.id, runner);
    noteRunner(shell, turn, runner);
    wakeForAway(shell, turn, runner);
    turn.fleetChanged = true;
    turn.pumpNeeded = true;
  } else if (old.revokedAt !== null) {
    return { ok: false, code: "runner_revoked", message: `The runner ${old.name} was revoked.` };
  } else {
    changeFleet(shell, turn, old.id, {
      name: command.name,
      labels: command.labels,
      version: command.version,
      platform: command.platform,
      // With another key it is another machine.
      ...SOUND,
      ephemeral,
      servedAt: null,
    });
  }
  return { ok: true, value: null };
}

/** Writes a change of a runner, together with the state that follows from it. */
export function changeRunner(shell: Shell, turn: Turn, runnerId: string, change: Partial<RunnerRecord>): void {
  const old = shell.fleet.get(runnerId);
  if (old === undefined) {
    return;
  }
  const changed = { ...old, ...change };
  const awaySince = changed.ephemeral && !changed.connected ? (changed.awaySince ?? turn.now) : null;
  const runner = {
    ...changed,
    awaySince,
    state: runnerState(changed, {
      ...liveFacts(shell, changed),
      now: turn.now,
      unreachableAfterMs: unreachableAfterMs(shell),
    }),
    rev: old.rev + 1,
  };
  const written = runners.change(old, runner);
  if (written !== null) {
    shell.sql.exec(written.query, ...written.values);
  }
  shell.fleet.set(runnerId, runner);
  noteRunner(shell, turn, runner);
  wakeForAway(shell, turn, runner);
}

function wakeForAway(shell: Shell, turn: Turn, { awaySince, revokedAt }: RunnerRecord): void {
  if (awaySince !== null && revokedAt === null) {
    wakeBy(turn, awaySince + shell.deps.config.leaseMs);
  }
}

/** Derives the state again; writes and tells only if it is news. */
export function refreshRunner(shell: Shell, turn: Turn, runnerId: string): void {
  const runner = shell.fleet.get(runnerId);
  if (runner === undefined) {
    return;
  }
  const facts = liveFacts(shell, runner);
  const limits = { now: turn.now, unreachableAfterMs: unreachableAfterMs(shell) };
  if (runnerState(runner, { ...facts, ...limits }) !== runner.state) {
    changeFleet(shell, turn, runnerId, { lastSeenAt: facts.seenAt });
  }
}

/** A change after which other runs may fit, or wait for another reason. */
export function changeFleet(shell: Shell, turn: Turn, runnerId: string, change: Partial<RunnerRecord>): void {
  changeRunner(shell, turn, runnerId, change);
  turn.fleetChanged = true;
  turn.pumpNeeded = true;
}

function noteRunner(shell: Shell, turn: Turn, runner: RunnerRecord): void {
  // Of the workspace's runners home alone tells the world: what a shard sees of one is only its own part.
  if (shell.shard !== HOME_SHARD) {
    return;
  }
  turn.changedRunners.add(runner.id);
  addToOutbox(turn, "runner", runner.id, runner.rev);
}

function liveFacts(shell: Shell, runner: RunnerRecord): RunnerFacts {
  const link = runner.connected ? readyLink(shell, runner.id) : null;
  return {
    transport: link === null ? null : transportOf(link),
    seenAt: newestSign(shell, runner),
    slotsUsed: slotsTaken(shell, runner.id),
  };
}

function slotsTaken(shell: Shell, runnerId: string): number {
  return shell.line === null ? (countHeld(shell).get(runnerId) ?? 0) : (shell.line.slotsTaken.get(runnerId) ?? 0);
}

/** Newest sign of life: written down, or of the open socket. */
export function newestSign(shell: Shell, runner: RunnerRecord): number | null {
  const socket = runner.connected ? readyLink(shell, runner.id) : null;
  return socket === null ? runner.lastSeenAt : Math.max(seenAt(shell, socket), runner.lastSeenAt ?? 0);
}

/** As it is at this moment, which may be newer than what was last written down. */
export function viewRunner(shell: Shell, runner: RunnerRecord): Runner {
  const facts = liveFacts(shell, runner);
  const now = shell.deps.clock.now();
  const state = runnerState(runner, { ...facts, now, unreachableAfterMs: unreachableAfterMs(shell) });
  return toRunner({ ...runner, state }, facts);
}

/** The whole fleet as routing sees it. */
export function fleetMembers(shell: Shell, now: number): FleetMember[] {
  const held = theLine(shell, now).slotsTaken;
  const limit = unreachableAfterMs(shell);
  return [...shell.fleet.values()]
    .filter((runner) => runner.revokedAt === null)
    .map((runner) => ({
      id: runner.id,
      name: runner.name,
      labels: runner.labels,
      online:
        runner.connected && readyLink(shell, runner.id) !== null && isFresh(newestSign(shell, runner), now, limit),
      draining: runner.draining || runner.servedAt !== null,
      quarantine: runner.quarantineMessage,
      paused: pauseText(runner),
      notReady: runner.notReady,
      heldOff: (shell.heldOff.get(runner.id) ?? 0) > now,
      slots: runner.slots,
      slotsUsed: held.get(runner.id) ?? 0,
      takesSecrets: runner.sealingKey !== null,
      takesContainers: runner.protocol >= CONTAINER_SINCE,
    }));
}
