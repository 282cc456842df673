/**
 * Secrets and variables of runs in a shard. Home alone holds the values: when a runner accepts, the shard asks home,
 * which seals the secrets to the key that this runner proved in its handshake with the shard. The shard keeps what was
 * sealed, as home does for its own runs, and nothing in clear.
 *
 * Example: the accept of (run, 1) arrives; home is asked; it does not answer. The accept stays undecided: the runner
 * repeats it, or the offer times out, burns its number and no budget, and the run is offered again.
 */
import type { AttemptRef, Json } from "@cronium/protocol";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { sealingInfo } from "@cronium/protocol/sealing";
import { sealTo } from "../../auth/sealing.ts";
import type { HandedValues, ValuesAsk } from "../../domain/sharding.ts";
import { passFence } from "./calls/kept-answers.ts";
import { keptSeal, readSecretNames } from "./grants.ts";
import { readState } from "./run-rows.ts";
import { findSecrets, noteUse, openFound } from "./secrets.ts";
import type { Shell, Turn } from "./shell.ts";
import { variablesFor } from "./variables.ts";

/** What home gave for each attempt that needs something; null where it could not be asked. */
export type Fetched = ReadonlyMap<string, HandedValues | null>;

const TRIES = 2;

export function refKey({ runId, attempt }: AttemptRef): string {
  return `${runId}:${attempt}`;
}

/** The shard's side, before an accept is decided. Attempts that are not this runner's are asked nothing for. */
export async function fetchValues(shell: Shell, runnerId: string, refs: readonly AttemptRef[]): Promise<Fetched> {
  const key = shell.fleet.get(runnerId)?.sealingKey ?? null;
  const jobs = key === null || shell.shard === HOME_SHARD ? [] : refs.flatMap((ref) => needOf(shell, runnerId, ref));
  if (key === null || jobs.length === 0) {
    return new Map();
  }
  for (let tries = 1; ; tries += 1) {
    try {
      const given = await shell.deps.dispatcherFor(shell.workspaceId).sealValues({ runnerId, key, jobs });
      return new Map(jobs.map((job, i) => [refKey(job), given?.[i] ?? null]));
    } catch (error) {
      if (tries === TRIES) {
        shell.deps.log.warn("values.not_fetched", { workspaceId: shell.workspaceId, runnerId, error: String(error) });
        return new Map(jobs.map((job) => [refKey(job), null]));
      }
    }
  }
}

function needOf(shell: Shell, runnerId: string, { runId, attempt }: AttemptRef): ValuesAsk["jobs"][number][] {
  const state = readState(shell, runId, attempt);
  if (state?.attempt?.runnerId !== runnerId) {
    return [];
  }
  const { run } = state;
  const namesSecrets = run.wishes?.secrets === true && keptSeal(shell, { runId, attempt }) === null;
  const secrets = namesSecrets ? readSecretNames(shell, run) : [];
  return secrets.length === 0 && !shell.homeHasVariables ? [] : [{ runId, attempt, eventId: run.eventId, secrets }];
}

/** Home's side. Null for a runner that is not registered, or revoked. */
export function sealValues(
  shell: Shell,
  turn: Turn,
  { runnerId, key, jobs }: ValuesAsk,
): readonly HandedValues[] | null {
  if (shell.fleet.get(runnerId)?.revokedAt !== null) {
    return null;
  }
  return jobs.map(({ runId, attempt, eventId, secrets: names }) => {
    passFence(shell, { runId, attempt }, turn.now);
    const found = variablesFor(shell, eventId);
    const variables: Record<string, Json> | null = found === null ? null : { ...found };
    const { found: boxes, missing } = findSecrets(shell, eventId, names);
    const values = boxes.map((secret) => ({ ...secret, value: openFound(shell, secret) }));
    const unreadable = values.filter(({ value }) => value === null).map(({ name }) => name);
    if (names.length === 0 || missing.length > 0 || unreadable.length > 0) {
      return { secrets: null, missing: [...missing], unreadable, variables };
    }
    const clear = JSON.stringify(Object.fromEntries(values.map(({ name, value }) => [name, value])));
    const info = sealingInfo({ workspaceId: shell.workspaceId, runnerId, runId, attempt });
    noteUse(
      shell,
      turn,
      boxes.map(({ id }) => id),
      runId,
    );
    return { secrets: sealTo(key, info, clear, shell.deps.ids.random(32)), missing: [], unreadable: [], variables };
  });
}

/** Home's: whether its shards have to ask for the variables of their runs. */
export function hasVariables(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM variables LIMIT 1").toArray().length > 0;
}

/** A shard's: what home last said of it; until it has said anything, it may have some. */
export function readHomeVariables(sql: SqlStorage): boolean {
  return sql.exec("SELECT value FROM meta WHERE key = 'home_variables'").toArray()[0]?.["value"] !== "0";
}

export function learnHomeVariables(shell: Shell, has: boolean): void {
  shell.sql.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('home_variables', ?)", has ? "1" : "0");
  shell.homeHasVariables = has;
}
