/**
 * What a runner is handed with a grant beside its lease: the secrets that the job names, sealed to this runner for this
 * attempt, and the variables that its event can see.
 *
 * Secrets leave here and nowhere else: after the rules have granted the attempt, to the runner that holds it. What was
 * sealed is kept while the attempt lives, so that a runner which asks again, because the answer was lost, gets the same.
 */
import type { AttemptRef, EventDefinition, Json } from "@cronium/protocol";
import { sealingInfo } from "@cronium/protocol/sealing";
import { sealTo } from "../../auth/sealing.ts";
import type { RunRecord } from "../../domain/run.ts";
import type { Command } from "../../domain/run-machine.ts";
import type { Holder, RunState } from "../../domain/run-step.ts";
import { findSecrets, noteUse, openFound } from "./secrets.ts";
import type { Shell, Turn } from "./shell.ts";
import { variablesFor } from "./variables.ts";

interface Handed {
  readonly secrets?: string;
  readonly variables?: Record<string, Json>;
}

/** Accepts, unless a secret that the job names is not there any more: then the run ends before it starts. */
export function acceptOrRefuse(shell: Shell, { run, attempt }: RunState, by: Holder): Command {
  if (run.wishes?.secrets !== true || attempt?.state !== "offered") {
    return { type: "accept", by };
  }
  const { found, missing } = findSecrets(shell, run.eventId, readSecretNames(shell, run));
  const unreadable = found.filter((secret) => openFound(shell, secret) === null).map(({ name }) => name);
  if (missing.length === 0 && unreadable.length === 0) {
    return { type: "accept", by };
  }
  const message =
    missing.length > 0
      ? `It names ${missing.join(", ")}, and there is no such secret in this workspace any more. Create it again, or take the name out of the event.`
      : `${unreadable.join(", ")} cannot be decrypted with the keys of this installation. Configure the missing key, or give it a new value.`;
  return { type: "decline", by, reason: "secret_not_found", message };
}

/** For an attempt that was granted to this runner. */
export function handOver(shell: Shell, turn: Turn, run: RunRecord, ref: AttemptRef, runnerId: string): Handed {
  const key = shell.fleet.get(runnerId)?.sealingKey ?? null;
  if (key === null) {
    // It speaks the protocol before this one, and routing gives it no job that names secrets.
    return {};
  }
  const variables = variablesFor(shell, run.eventId);
  return {
    ...(run.wishes?.secrets === true ? { secrets: readOrSeal(shell, turn, { run, ref, runnerId, key }) } : {}),
    ...(variables === null ? {} : { variables: { ...variables } }),
  };
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
  const kept = shell.sql
    .exec("SELECT secrets FROM sealed_grants WHERE run_id = ? AND attempt = ?", ref.runId, ref.attempt)
    .toArray()[0];
  if (kept !== undefined) {
    return kept["secrets"] as string;
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
  shell.sql.exec(
    "INSERT INTO sealed_grants (run_id, attempt, secrets) VALUES (?, ?, ?)",
    ref.runId,
    ref.attempt,
    sealed,
  );
  noteUse(
    shell,
    turn,
    found.map(({ id }) => id),
    run.id,
  );
  return sealed;
}

function readSecretNames(shell: Shell, run: RunRecord): readonly string[] {
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
