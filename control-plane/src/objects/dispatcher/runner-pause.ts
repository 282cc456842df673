/**
 * Pausing and draining runners from the control plane. A paused runner stays connected and gets no offers; what it has
 * goes on. It is not told, so a runner of any version can be paused, and one that is offline too. One that drains is
 * told: it finishes what it has and ends.
 *
 * A pause with an end is over with the alarm of that time; home tells the shards.
 */
import type { Json, Runner } from "@cronium/protocol";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { systemStamp } from "../../domain/act.ts";
import type { DispatcherApi, Outcome, Refusal } from "../../domain/dispatcher.ts";
import type { RunnerPause, RunnerRecord } from "../../domain/runner.ts";
import { writeAudit } from "./audit.ts";
import { changeFleet, viewRunner } from "./runners.ts";
import { tellShards } from "./shard-news.ts";
import { wakeBy, type Shell, type Turn } from "./shell.ts";
import { readyLink } from "./sockets.ts";

/** Null ends it. Resuming a runner that is not paused changes nothing; pausing a paused one gives it the new note and end. */
export function setRunnerPause(
  shell: Shell,
  turn: Turn,
  { runnerId, pause }: Parameters<DispatcherApi["setRunnerPause"]>[0],
): Outcome<Runner> {
  const runner = find(shell, runnerId);
  if ("ok" in runner) {
    return runner;
  }
  if (pause !== null) {
    const until = pause.forMs === null ? null : turn.now + pause.forMs;
    change(shell, turn, runnerId, { note: pause.note, at: runner.pause?.at ?? turn.now, until });
  } else if (runner.pause !== null) {
    change(shell, turn, runnerId, null);
  }
  return { ok: true, value: viewRunner(shell, shell.fleet.get(runnerId) ?? runner) };
}

/** May be repeated. */
export function drainRunner(shell: Shell, turn: Turn, runnerId: string): Outcome<Runner> {
  const runner = find(shell, runnerId);
  if ("ok" in runner) {
    return runner;
  }
  if (!runner.connected || readyLink(shell, runnerId) === null) {
    return { ok: false, code: "runner_offline", message: `The runner ${runner.name} is not connected.` };
  }
  changeFleet(shell, turn, runnerId, { draining: true });
  turn.frames.push({ runnerId, message: { type: "drain" } });
  return { ok: true, value: viewRunner(shell, shell.fleet.get(runnerId) ?? runner) };
}

/** Those whose time is over. */
export function endPauses(shell: Shell, turn: Turn): void {
  if (shell.shard !== HOME_SHARD) {
    return;
  }
  for (const { id, pause } of shell.fleet.values()) {
    if (pause !== null && pause.until !== null && pause.until <= turn.now) {
      change(shell, turn, id, null);
      const deed = { verb: "runner.resumed", target: id, ...shownPauses(pause, null) };
      writeAudit(shell, turn, systemStamp("runner_pause"), deed);
    }
  }
}

/** When the next pause ends; infinite when none does. */
export function pauseDueAt(shell: Shell): number {
  const ends =
    shell.shard === HOME_SHARD
      ? [...shell.fleet.values()].map(({ pause }) => pause?.until ?? Number.POSITIVE_INFINITY)
      : [];
  return Math.min(Number.POSITIVE_INFINITY, ...ends);
}

/** As the audit has them. */
export function shownPauses(
  before: RunnerPause | null,
  after: RunnerPause | null,
): { readonly before: Json; readonly after: Json } {
  const shown = (pause: RunnerPause | null): Json =>
    pause === null
      ? null
      : { note: pause.note, until: pause.until === null ? null : new Date(pause.until).toISOString() };
  return { before: shown(before), after: shown(after) };
}

function change(shell: Shell, turn: Turn, runnerId: string, pause: RunnerPause | null): void {
  changeFleet(shell, turn, runnerId, { pause });
  tellShards(shell, turn, `runner:${runnerId}`);
  if (pause !== null && pause.until !== null) {
    wakeBy(turn, pause.until);
  }
}

function find(shell: Shell, runnerId: string): RunnerRecord | Refusal {
  const runner = shell.fleet.get(runnerId);
  if (runner === undefined) {
    return { ok: false, code: "not_found", message: `There is no runner ${runnerId}.` };
  }
  return runner.revokedAt === null
    ? runner
    : { ok: false, code: "runner_revoked", message: `The runner ${runner.name} was revoked.` };
}
