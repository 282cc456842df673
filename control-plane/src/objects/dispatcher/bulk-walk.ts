/**
 * Cancelling and requeueing in bulk: a walk over the Dispatcher's own runs in order of arrival, from the oldest to the
 * newest that was there when it began. Each is looked at once, and runs triggered meanwhile are not touched; neither are
 * dead letters that came to be meanwhile. What a chunk did and how far the walk is are one commit; repeating a chunk
 * after a crash finds the runs as the commit left them.
 */
import type { BulkFilter, BulkPreview, RunState } from "@cronium/protocol";
import { isTerminal, runStates } from "@cronium/protocol/run-states";
import type { DispatcherApi, Outcome } from "../../domain/dispatcher.ts";
import { askerOf, filterOf, giveUpBulk, oldestBulk, saveChunk, type BulkRow } from "./bulk.ts";
import { cancelRun } from "./cancel.ts";
import { putBack } from "./requeue.ts";
import type { Shell, Turn } from "./shell.ts";
import { inTurn } from "./turns.ts";

/** Runs looked at, and runs acted on, in one chunk. */
const SPAN = 5_000;
const CHUNK = 200;

const DEAD = "fail_reason = 'retries_exhausted'";

interface Walk {
  /** Which runs it is for: cancelling says nothing to a run that has ended, or is being cancelled. */
  readonly applies: (state: RunState) => boolean;
  /** All the runs there may be, with the index that finds them. */
  readonly from: string;
  act(shell: Shell, turn: Turn, runId: string): Outcome<unknown>;
}

const walks: Record<"cancel" | "requeue", Walk> = {
  cancel: {
    applies: (state) => !isTerminal(state) && state !== "cancelling",
    from: "runs WHERE true",
    act: cancelRun,
  },
  requeue: {
    applies: (state) => state === "failed",
    from: `runs INDEXED BY runs_dead WHERE ${DEAD}`,
    act: putBack,
  },
};

export function previewBulk(
  shell: Shell,
  { action, filter, most }: Parameters<DispatcherApi["previewBulk"]>[0],
): BulkPreview {
  if (action === "retry") {
    return { matched: 0, exact: true };
  }
  const walk = walks[action];
  const { where, values } = condition(walk, filter);
  const matched = shell.sql
    .exec(`SELECT count(*) AS matched FROM (SELECT 1 FROM ${walk.from} AND ${where} LIMIT ${most + 1})`, ...values)
    .one()["matched"] as number;
  return { matched: Math.min(matched, most), exact: matched <= most };
}

/** One chunk of the oldest work there is, in a turn of its own: what cannot be done must not take leases with it. */
export function walkOn(shell: Shell): void {
  const row = oldestBulk(shell, "here");
  if (row === undefined) {
    return;
  }
  try {
    const put = inTurn(shell, (turn) => step(shell, turn, row));
    for (const runId of put) {
      // The audit holds the work as a whole, with its filter; which runs that were is in the log.
      const { kind, id } = askerOf(row);
      const { workspaceId } = shell;
      shell.deps.log.info("run.requeued", { workspaceId, runId, byKind: kind, byId: id, bulkId: row.id });
    }
  } catch (error) {
    shell.deps.log.error("bulk.failed", { workspaceId: shell.workspaceId, bulkId: row.id, error: String(error) });
    inTurn(shell, (turn) => giveUpBulk(shell, turn, row.id));
  }
}

/** The runs that it has requeued. */
function step(shell: Shell, turn: Turn, row: BulkRow): readonly string[] {
  if (row.action === "retry") {
    return [];
  }
  const walk = walks[row.action];
  const first = shell.sql.exec(`SELECT min(n) AS n FROM ${walk.from} AND n > ?`, row.at).one()["n"] as number | null;
  const until = Math.min(row.last, (first ?? row.last) + SPAN);
  const { where, values } = condition(walk, filterOf(row));
  const found = shell.sql
    .exec(
      `SELECT n, id FROM ${walk.from} AND n > ? AND n <= ? AND coalesce(finished_at, 0) <= ? AND ${where}
       ORDER BY n LIMIT ${CHUNK}`,
      row.at,
      until,
      row.created_at,
      ...values,
    )
    .toArray() as unknown as readonly { readonly n: number; readonly id: string }[];
  const outcomes = found.map(({ id }) => walk.act(shell, turn, id));
  const at = found.length === CHUNK ? (found.at(-1)?.n ?? until) : until;
  saveChunk(shell, turn, row, { outcomes, at, walked: null, over: at >= row.last });
  return row.action === "requeue" ? found.filter((_, i) => outcomes[i]?.ok === true).map(({ id }) => id) : [];
}

/** The same filter as that of the list of runs, on the Dispatcher's own rows. */
function condition(
  { applies }: Walk,
  filter: BulkFilter,
): { readonly where: string; readonly values: readonly (string | number)[] } {
  const states = runStates.filter((state) => applies(state) && (filter.state ?? runStates).includes(state));
  const parts: [string, ...(string | number)[]][] = [
    ["state IN (SELECT value FROM json_each(?))", JSON.stringify(states)],
  ];
  if (filter.deadLetter === true) {
    parts.push([`coalesce(${DEAD}, 0)`]);
  }
  if (filter.eventId !== undefined) {
    parts.push(["event_id = ?", filter.eventId]);
  }
  if (filter.runnerId !== undefined) {
    parts.push(["runner_id = ?", filter.runnerId]);
  }
  if (filter.trigger !== undefined) {
    parts.push(["trigger = ?", filter.trigger]);
  }
  for (const label of filter.label ?? []) {
    parts.push(["EXISTS (SELECT 1 FROM json_each(labels) l WHERE l.key || '=' || l.value = ?)", label]);
  }
  if (filter.from !== undefined) {
    parts.push(["queued_at >= ?", Date.parse(filter.from)]);
  }
  if (filter.to !== undefined) {
    parts.push(["queued_at < ?", Date.parse(filter.to)]);
  }
  if (filter.q !== undefined) {
    // LIKE refuses patterns beyond 50 bytes.
    parts.push(["instr(lower(event_name), lower(?)) > 0", filter.q]);
  }
  return { where: parts.map(([text]) => text).join(" AND "), values: parts.flatMap(([, ...values]) => values) };
}
