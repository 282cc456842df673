/**
 * What a runner is handed with a grant beside its lease: the secrets that the job names, sealed to this runner for this
 * attempt, and the variables that its event can see.
 *
 * Secrets leave here and nowhere else: after the rules have granted the attempt, to the runner that holds it. What was
 * sealed is kept while the attempt lives, so that a runner which asks again, because the answer was lost, gets the same.
 */
import type { AttemptRef, EventDefinition, Json } from "@cronium/protocol";
import { HOME_SHARD } from "@cronium/protocol/ids";
import { sealingInfo } from "@cronium/protocol/sealing";
import { sealTo } from "../../auth/sealing.ts";
import type { RunRecord } from "../../domain/run.ts";
import type { Command } from "../../domain/run-machine.ts";
import type { HandedValues } from "../../domain/sharding.ts";
import type { Holder, RunState } from "../../domain/run-step.ts";
import { findSecrets, noteUse, openFound } from "./secrets.ts";
import type { Shell, Turn } from "./shell.ts";
import { variablesFor } from "./variables.ts";

interface Handed {
  readonly secrets?: string;
  readonly variables?: Record<string, Json>;
}

/** Accepts, unless a secret that the job names is not there any more: then the run ends before it starts. */
export function acceptOrRefuse(
  shell: Shell,
  { run, attempt }: RunState,
  by: Holder,
  fetched: HandedValues | null,
): Command {
  if (run.wishes?.secrets !== true || attempt?.state !== "offered") {
    return { type: "accept", by };
  }
  const { missing, unreadable } = shell.shard === HOME_SHARD ? lackOf(shell, run) : (fetched ?? NOTHING_LACKS);
  if (missing.length === 0 && unreadable.length === 0) {
    return { type: "accept", by };
  }
  const message =
    missing.length > 0
      ? `It names ${missing.join(", ")}, and there is no such secret in this workspace any more. Create it again, or take the name out of the event.`
      : `${unreadable.join(", ")} cannot be decrypted with the keys of this installation. Configure the missing key, or give it a new value.`;
  return { type: "decline", by, reason: "secret_not_found", message };
}

const NOTHING_LACKS = { missing: [], unreadable: [] } as const;

function lackOf(shell: Shell, run: RunRecord): Pick<HandedValues, "missing" | "unreadable"> {
  const { found, missing } = findSecrets(shell, run.eventId, readSecretNames(shell, run));
  return { missing, unreadable: found.filter((secret) => openFound(shell, secret) === null).map(({ name }) => name) };
}

/** For an attempt that was granted to this runner; `fetched` is what a shard got for it from home. */
export function handOver(
  shell: Shell,
  turn: Turn,
  run: RunRecord,
  {
    ref,
    runnerId,
    fetched,
  }: { readonly ref: AttemptRef; readonly runnerId: string; readonly fetched: HandedValues | null },
): Handed {
  const key = shell.fleet.get(runnerId)?.sealingKey ?? null;
  if (key === null) {
    // It speaks the protocol before this one, and routing gives it no job that names secrets.
    return {};
  }
  if (shell.shard !== HOME_SHARD) {
    return handOn(shell, run, ref, fetched);
  }
  const variables = variablesFor(shell, run.eventId);
  return {
    ...(run.wishes?.secrets === true ? { secrets: readOrSeal(shell, turn, { run, ref, runnerId, key }) } : {}),
    ...(variables === null ? {} : { variables: { ...variables } }),
  };
}

function handOn(shell: Shell, run: RunRecord, ref: AttemptRef, fetched: HandedValues | null): Handed {
  const kept = run.wishes?.secrets === true ? keptSeal(shell, ref) : null;
  const secrets = kept ?? fetched?.secrets ?? null;
  if (kept === null && secrets !== null) {
    keepSeal(shell, ref, secrets);
  }
  const variables = fetched?.variables ?? null;
  return { ...(secrets === null ? {} : { secrets }), ...(variables === null ? {} : { variables: { ...variables } }) };
}

/** What was sealed for this attempt; null before it was granted. */
export function keptSeal(shell: Shell, { runId, attempt }: AttemptRef): string | null {
  const [row] = shell.sql
    .exec("SELECT secrets FROM sealed_grants WHERE run_id = ? AND attempt = ?", runId, attempt)
    .toArray();
  return (row?.["secrets"] ?? null) as string | null;
}

function keepSeal(shell: Shell, { runId, attempt }: AttemptRef, sealed: string): void {
  shell.sql.exec("INSERT INTO sealed_grants (run_id, attempt, secrets) VALUES (?, ?, ?)", runId, attempt, sealed);
}

function readOrSeal(
  shell: Shell,
  turn: Turn,
  {
    run,
    ref,
    runnerId,
    key,
  }: { readonly run: RunRecord; readonly ref: AttemptRef; readonly runnerId: string; readonly key: string },
): string {
  const kept = keptSeal(shell, ref);
  if (kept !== null) {
    return kept;
  }
  const { found } = findSecrets(shell, run.eventId, readSecretNames(shell, run));
  const values = Object.fromEntries(
    found.flatMap((secret) => {
      const value = openFound(shell, secret);
      return value === null ? [] : [[secret.name, value]];
    }),
  );
  const info = sealingInfo({ workspaceId: shell.workspaceId, runnerId, ...ref });
  const sealed = sealTo(key, info, JSON.stringify(values), shell.deps.ids.random(32));
  keepSeal(shell, ref, sealed);
  noteUse(
    shell,
    turn,
    found.map(({ id }) => id),
    run.id,
  );
  return sealed;
}

export function readSecretNames(shell: Shell, run: RunRecord): readonly string[] {
  const row = shell.sql
    .exec(
      `SELECT coalesce(p.definition, v.definition) AS definition
       FROM payloads p LEFT JOIN event_versions v ON v.event_id = ?2 AND v.version = ?3 WHERE p.run_id = ?1`,
      run.id,
      run.eventId,
      run.eventVersion,
    )
    .one();
  return (JSON.parse(row["definition"] as string) as Pick<EventDefinition, "secrets">).secrets;
}
