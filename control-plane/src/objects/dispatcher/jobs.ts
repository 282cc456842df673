/** What runners are handed for the newest attempts of runs. */
import type { EventDefinition, Job, Json } from "@cronium/protocol";
import { containerOf, hasContainerSettings } from "@cronium/protocol/container-defaults";
import { DEFAULT_LOG_CAP_BYTES } from "@cronium/protocol/limits";
import { withoutQueueing } from "../../domain/event-queueing.ts";
import type { RunRecord } from "../../domain/run.ts";
import type { Shell } from "./shell.ts";

/** A version is stored with what only its event needs. */
type StoredDefinition = EventDefinition & { readonly defaultInput?: Json; readonly inputSchema?: Json };

/** Scripts that are kept in memory, in characters; beyond them all are read anew. */
const KEPT_CHARS = 4_000_000;
const MIB = 1_048_576;

export interface SizedJob {
  readonly job: Job;
  /** About its size as JSON, in characters. */
  readonly chars: number;
}

/** In the order of the runs: one statement for all of them, and one for each version of an event not seen lately. */
export function jobsOf(shell: Shell, runs: readonly RunRecord[]): SizedJob[] {
  const payloads = new Map(
    shell.sql
      .exec(
        "SELECT run_id, input, definition FROM payloads WHERE run_id IN (SELECT value FROM json_each(?))",
        JSON.stringify(runs.map(({ id }) => id)),
      )
      .toArray()
      .map((row) => [row["run_id"] as string, row]),
  );
  return runs.map((run) => {
    const payload = payloads.get(run.id) ?? {};
    const input = payload["input"] as string;
    const own = payload["definition"] as string | null;
    const definition = own === null ? versionOf(shell, run) : toDefinition(own);
    const job = {
      runId: run.id,
      attempt: run.attempt,
      eventId: run.eventId,
      eventName: run.eventName,
      eventVersion: run.eventVersion,
      workspaceId: shell.workspaceId,
      trigger: run.trigger,
      queuedAt: run.queuedAt,
      definition,
      input: JSON.parse(input) as Json,
    };
    return { job, chars: definition.script.length + input.length };
  });
}

/** How much of the log is kept of each of the run's attempts. One without settings for its container costs no look. */
export function logCapOf(shell: Shell, run: RunRecord): number {
  if (run.wishes?.container !== true) {
    return DEFAULT_LOG_CAP_BYTES;
  }
  const [row] = shell.sql.exec("SELECT definition FROM payloads WHERE run_id = ?", run.id).toArray();
  const own = (row?.["definition"] ?? null) as string | null;
  return containerOf(own === null ? versionOf(shell, run) : toDefinition(own)).logCapMb * MIB;
}

/** Versions never change, so a copy holds until the turn that made them is taken back. */
function versionOf(shell: Shell, { eventId, eventVersion }: RunRecord): EventDefinition {
  const key = `${eventId} ${eventVersion}`;
  let known = shell.definitions.get(key);
  if (known === undefined) {
    const row = shell.sql
      .exec("SELECT definition FROM event_versions WHERE event_id = ? AND version = ?", eventId, eventVersion)
      .one();
    known = toDefinition(row["definition"] as string);
    const chars = [...shell.definitions.values()].reduce((sum, one) => sum + one.script.length, known.script.length);
    if (chars > KEPT_CHARS) {
      shell.definitions.clear();
    }
    shell.definitions.set(key, known);
  }
  return known;
}

function toDefinition(text: string): EventDefinition {
  const { defaultInput: _default, inputSchema: _schema, ...stored } = JSON.parse(text) as StoredDefinition;
  return withoutDefaults(withoutQueueing(stored));
}

/** A runner of an older version knows no secrets, or no container, and refuses what it does not know. */
function withoutDefaults({ secrets, secretEnv, container, ...known }: EventDefinition): EventDefinition {
  const asks = (secrets as readonly string[] | undefined)?.length ?? 0;
  return {
    ...known,
    ...(asks === 0 ? {} : { secrets, secretEnv }),
    ...(hasContainerSettings({ container }) ? { container } : {}),
  } as EventDefinition;
}
