/**
 * What home tells its shards: settings and pauses, events, runners. A change is noted in the outbox in its own commit and
 * told with the outbox's next drain, as it is at that moment; a shard that cannot be reached is told until it can.
 */
import type { Facts, RunnerFacts } from "../../domain/sharding.ts";
import type { RunnerRecord } from "../../domain/runner.ts";
import { copyEvent } from "./event-copies.ts";
import { hasVariables } from "./handed-values.ts";
import { readSettings } from "./settings.ts";
import { readRev } from "./shard-news.ts";
import type { Shell } from "./shell.ts";

/** Settings and pauses; to be told at once to a shard that is new. */
export function rulesOf(shell: Shell): NonNullable<Facts["rules"]> {
  const paused = shell.sql
    .exec("SELECT name, note, at FROM paused_queues")
    .toArray()
    .map((row) => ({ name: row["name"] as string, note: row["note"] as string, at: row["at"] as number }));
  return { rev: readRev(shell), settings: readSettings(shell.sql), paused, variables: hasVariables(shell.sql) };
}

/** Before a change of the rules is answered; a shard that cannot be reached now is told from the outbox. */
export async function tellRulesNow(shell: Shell): Promise<void> {
  if (shell.shards.length > 0) {
    await tellAll(shell, ["rules"]).catch((error: unknown) => {
      shell.deps.log.warn("rules.not_told", { workspaceId: shell.workspaceId, error: String(error) });
    });
  }
}

/** Before a change of a runner is answered; as with the rules. */
export async function tellRunnerNow(shell: Shell, runnerId: string): Promise<void> {
  if (shell.shards.length > 0) {
    await tellAll(shell, [`runner:${runnerId}`]).catch((error: unknown) => {
      shell.deps.log.warn("runner.not_told", { workspaceId: shell.workspaceId, runnerId, error: String(error) });
    });
  }
}

export function runnerFacts(runner: RunnerRecord): RunnerFacts {
  const { id, name, labels, version, platform, revokedAt, ephemeral, pause } = runner;
  return { runnerId: id, name, labels, version, platform, ephemeral, pause, revoked: revokedAt !== null };
}

/** Rejects when a shard was not reached; what was told already may be told again. */
export async function tellAll(shell: Shell, told: readonly string[]): Promise<void> {
  const ids = (kind: string): string[] =>
    told.filter((what) => what.startsWith(`${kind}:`)).map((what) => what.slice(kind.length + 1));
  const facts: Facts = {
    ...(told.includes("rules") ? { rules: rulesOf(shell) } : {}),
    events: ids("event").flatMap((id) => copyEvent(shell, id, []) ?? []),
    runners: [...ids("runner"), ...ids("again")].flatMap((id) => {
      const runner = shell.fleet.get(id);
      return runner === undefined ? [] : [runnerFacts(runner)];
    }),
    reconnect: ids("again"),
  };
  await Promise.all(shell.shards.map((shard) => shell.deps.dispatcherFor(shell.workspaceId, shard).learn(facts)));
}
