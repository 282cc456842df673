/** Runs with what only their own page shows: input, output, attempts and artifacts. */
import type { Artifact, Json, Run } from "@cronium/protocol";
import { toDetail, toSummary, type RunDetail, type RunRecord } from "../../domain/run.ts";
import { readArtifacts } from "./calls/artifact-rows.ts";
import type { Shell } from "./shell.ts";
import { attempts } from "./attempts.ts";
import { runs } from "./run-rows.ts";

/** The whole run as the API shows it. */
export function viewRun(shell: Shell, run: RunRecord): Run {
  return { ...toSummary(run), ...viewDetail(shell, run) };
}

function viewDetail(shell: Shell, run: RunRecord): RunDetail {
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
