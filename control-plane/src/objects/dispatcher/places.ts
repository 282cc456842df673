/** Places under concurrency limits, and slots of runners, counted. Rules: `domain/queue-place.ts`. */
import type { RunRecord } from "../../domain/run.ts";
import type { Line, Shell } from "./shell.ts";

/** Attempts that take a slot of their runner. */
export const LIVE = "state IN ('offered', 'accepted', 'running', 'finishing')";

/** Places taken, counted from storage. */
export function readHeld(shell: Shell): Pick<Line, "held" | "heldInAll"> {
  const held = new Map<string, number>();
  let heldInAll = 0;
  for (const row of shell.sql.exec(
    `SELECT coalesce(event_id, '') AS flow, count(*) AS held FROM runs INDEXED BY runs_holding
     WHERE holds = 1 GROUP BY event_id`,
  )) {
    held.set(row["flow"] as string, row["held"] as number);
    heldInAll += row["held"] as number;
  }
  return { held, heldInAll };
}

/** Counted once, over the index that holds nothing else. */
export function countQueued(shell: Shell): number {
  return shell.sql.exec("SELECT count(*) AS queued FROM runs INDEXED BY runs_lane WHERE state = 'queued'").one()[
    "queued"
  ] as number;
}

/** Keeps the counts in memory in step with a run that was written. */
export function countPlace(shell: Shell, before: RunRecord | null, after: RunRecord): void {
  const { line } = shell;
  if (line === null) {
    return;
  }
  line.queued += Number(after.state === "queued") - Number(before?.state === "queued");
  const change = Number(after.holds) - Number(before?.holds ?? false);
  if (change === 0) {
    return;
  }
  const flow = after.eventId ?? "";
  const held = (line.held.get(flow) ?? 0) + change;
  if (held === 0) {
    line.held.delete(flow);
  } else {
    line.held.set(flow, held);
  }
  line.heldInAll += change;
}

/** Runs that have a place under this key, oldest first: at most `limit` of them, and their number. */
export function readHolders(
  shell: Shell,
  run: RunRecord,
  limit: number,
): { readonly count: number; readonly ids: string[] } {
  const where = "event_id = ? AND concurrency_key = ? AND holds = 1";
  const { count } = shell.sql
    .exec(`SELECT count(*) AS count FROM runs INDEXED BY runs_holding WHERE ${where}`, run.eventId, run.concurrencyKey)
    .one();
  const ids =
    (count as number) < limit
      ? []
      : shell.sql
          .exec(
            `SELECT id FROM runs INDEXED BY runs_holding WHERE ${where} ORDER BY n LIMIT 1000`,
            run.eventId,
            run.concurrencyKey,
          )
          .toArray()
          .map((row) => row["id"] as string);
  return { count: count as number, ids };
}

/** Slots taken of every runner that holds anything. */
export function countHeld(shell: Shell): Map<string, number> {
  const held = new Map<string, number>();
  for (const row of shell.sql.exec(
    `SELECT runner_id, count(*) AS held FROM attempts INDEXED BY attempts_live WHERE ${LIVE} GROUP BY runner_id`,
  )) {
    held.set(row["runner_id"] as string, row["held"] as number);
  }
  return held;
}

/** Keeps them in step with an attempt that was written. */
export function countSlot(shell: Shell, runnerId: string, change: 1 | -1): void {
  const taken = shell.line?.slotsTaken;
  if (taken !== undefined) {
    taken.set(runnerId, (taken.get(runnerId) ?? 0) + change);
  }
}
