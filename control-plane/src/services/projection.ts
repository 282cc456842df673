/** Hands the Dispatcher's newest states to D1, in pieces that D1 takes. */
import type { Event, Runner, RunSummary } from "@cronium/protocol";
import type { Deps } from "../deps.ts";
import { detailKey } from "../domain/blob-keys.ts";
import type { RunDetail } from "../domain/run.ts";
import { deleteNamedValues, upsertNamedValues, type NamedValueRow } from "../store/named-values.ts";
import { deleteRunnersStatement, upsertEvents, upsertRunners, upsertRuns, type RunRow } from "../store/projection.ts";
import { revokeCredentialStatement } from "../store/runner-credentials.ts";

type ProjectionDeps = Pick<Deps, "d1" | "blobs">;

/** D1 takes 2 MB for one value; a batch is one value. Characters, with room for those of several bytes and escapes. */
const MAX_BATCH_CHARS = 400_000;
/** A run with a larger detail (input and output of a megabyte each) keeps it as a blob. */
const MAX_DETAIL_CHARS = 300_000;

export async function projectRuns(
  deps: ProjectionDeps,
  workspaceId: string,
  runs: readonly { readonly summary: RunSummary; readonly detail: RunDetail }[],
): Promise<void> {
  let batch: RunRow[] = [];
  let size = 0;
  for (const { summary, detail } of runs) {
    let text = JSON.stringify(detail);
    if (text.length > MAX_DETAIL_CHARS) {
      await deps.blobs.put(detailKey(workspaceId, summary.id), new Uint8Array(new TextEncoder().encode(text)));
      text = JSON.stringify({ ...detail, input: null, output: null, inBlob: true });
    }
    if (size + text.length > MAX_BATCH_CHARS && batch.length > 0) {
      await upsertRuns(deps.d1, workspaceId, batch);
      batch = [];
      size = 0;
    }
    batch.push({ summary, labels: detail.labels, detail: text });
    size += text.length;
  }
  if (batch.length > 0) {
    await upsertRuns(deps.d1, workspaceId, batch);
  }
}

export async function projectEvents(
  deps: ProjectionDeps,
  workspaceId: string,
  events: readonly { readonly event: Event; readonly rev: number }[],
): Promise<void> {
  // The script is not in the row; name and description at their largest are far below a batch's limit.
  if (events.length > 0) {
    await upsertEvents(deps.d1, workspaceId, events);
  }
}

export async function projectRunners(
  deps: ProjectionDeps,
  workspaceId: string,
  runners: readonly Runner[],
): Promise<void> {
  if (runners.length > 0) {
    await upsertRunners(deps.d1, workspaceId, runners);
  }
}

/** Runners that are out for good: their keys speak for nobody; those that are gone too, ephemeral ones, are listed no more. */
export async function endRunners(
  deps: ProjectionDeps & Pick<Deps, "clock">,
  workspaceId: string,
  { out, gone }: { readonly out: readonly string[]; readonly gone: readonly string[] },
): Promise<void> {
  if (out.length > 0) {
    const now = deps.clock.now();
    await deps.d1.batch([
      ...out.map((runnerId) => revokeCredentialStatement(deps.d1, { workspaceId, runnerId, now })),
      ...(gone.length === 0 ? [] : [deleteRunnersStatement(deps.d1, workspaceId, gone)]),
    ]);
  }
}

/** `deleted`: ids of secrets and variables that are gone. */
export async function projectNamedValues(
  deps: ProjectionDeps,
  workspaceId: string,
  values: { readonly rows: readonly NamedValueRow[]; readonly deleted: readonly string[] },
): Promise<void> {
  if (values.rows.length > 0) {
    await upsertNamedValues(deps.d1, workspaceId, values.rows);
  }
  if (values.deleted.length > 0) {
    await deleteNamedValues(deps.d1, workspaceId, values.deleted);
  }
}
