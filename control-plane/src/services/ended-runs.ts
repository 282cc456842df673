/** Runs that have ended, as a bulk retry meets them: from their projection, oldest first, with what they were given. */
import type { BulkFilter, BulkPreview, Json, RunState } from "@cronium/protocol";
import { DEFAULT_QUEUE } from "@cronium/protocol/queueing";
import { isTerminal, runStates } from "@cronium/protocol/run-states";
import type { Deps } from "../deps.ts";
import { detailKey } from "../domain/blob-keys.ts";
import type { RetriedRun } from "../domain/dispatcher.ts";
import { readAll } from "../store/blobs.ts";
import {
  countRunRows,
  findGiven,
  listOldestRuns,
  type GivenRow,
  type Place,
  type RunRowFilter,
} from "../store/runs.ts";
import { rowFilter } from "./runs.ts";

/** Runs whose inputs D1 is asked for at a time, 300,000 characters each at most; and where a page ends early. */
const INPUTS_AT_A_TIME = 25;
const MOST_INPUT_CHARS = 8_000_000;

export interface EndedRun {
  readonly run: RetriedRun;
  /** Undefined when it is not kept any more. */
  readonly input: Json | undefined;
}

/** All that have ended, or what the filter says of them: by default those that did not succeed. */
function endedFilter(filter: BulkFilter): Omit<RunRowFilter, "after" | "limit"> {
  const wanted: readonly RunState[] = filter.state ?? runStates.filter((state) => state !== "succeeded");
  return {
    ...rowFilter(filter),
    state: wanted.filter(isTerminal),
    deadLetter: filter.deadLetter === true,
  };
}

/** `most`: where counting stops. */
export async function countEndedRuns(
  { d1 }: Pick<Deps, "d1">,
  workspaceId: string,
  filter: BulkFilter,
  most: number,
): Promise<BulkPreview> {
  const wanted = endedFilter(filter);
  const found =
    wanted.state?.length === 0 ? 0 : await countRunRows(d1, workspaceId, { ...wanted, after: null, limit: most + 1 });
  return { matched: Math.min(found, most), exact: found <= most };
}

/** A page of those that ended at or before `endedBy`; `next` is null with the last. */
export async function readEndedRuns(
  { d1, blobs }: Pick<Deps, "d1" | "blobs">,
  workspaceId: string,
  query: {
    readonly filter: BulkFilter;
    readonly endedBy: number;
    readonly after: Place | null;
    readonly limit: number;
  },
): Promise<{ readonly items: readonly EndedRun[]; readonly next: Place | null }> {
  const { filter, endedBy, after, limit } = query;
  const wanted = endedFilter(filter);
  const rows =
    wanted.state?.length === 0 ? [] : await listOldestRuns(d1, workspaceId, { ...wanted, endedBy, after, limit });
  const items: EndedRun[] = [];
  let chars = 0;
  for (let from = 0; from < rows.length && chars < MOST_INPUT_CHARS; from += INPUTS_AT_A_TIME) {
    const some = rows.slice(from, from + INPUTS_AT_A_TIME);
    const ids = some.map(({ summary }) => summary.id);
    const given = new Map((await findGiven(d1, workspaceId, ids)).map((row) => [row.id, row]));
    for (const { summary } of some) {
      const { id, eventId, eventVersion, eventName } = summary;
      const row = given.get(id);
      const text = row === undefined ? null : await inputText(blobs, workspaceId, row);
      chars += text?.length ?? 0;
      items.push({
        run: {
          id,
          eventId,
          eventVersion,
          eventName,
          queue: row?.queue ?? DEFAULT_QUEUE,
          priority: row?.priority ?? 0,
        },
        input: text === null ? undefined : (JSON.parse(text) as Json),
      });
    }
  }
  const last = rows[items.length - 1];
  const isLast = rows.length < limit && items.length === rows.length;
  return { items, next: isLast || last === undefined ? null : { at: last.at, id: last.summary.id } };
}

async function inputText(blobs: Deps["blobs"], workspaceId: string, { id, input }: GivenRow): Promise<string | null> {
  if (input !== null) {
    return input;
  }
  const blob = await blobs.get(detailKey(workspaceId, id));
  if (blob === null) {
    return null;
  }
  const { input: whole } = JSON.parse(new TextDecoder().decode(await readAll(blob))) as { readonly input: Json };
  return JSON.stringify(whole);
}
