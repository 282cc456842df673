/** Bulk work as its tests start and watch it, and workspaces with many runs. */
import { runInDurableObject } from "cloudflare:test";
import type { Bulk, BulkAction, BulkPreview, RunSummary } from "@cronium/protocol";
import { waitFor, type Plane, outboxIsEmpty } from "./plane.ts";
import { createEvent } from "./queue-story.ts";

/** Deadlines only end what hangs. */
const LONG_MS = 45_000;

export async function startBulk(plane: Plane, action: BulkAction, filter: unknown, headers = {}): Promise<string> {
  const body = { action, filter };
  return (await plane.expectJson<{ bulkId: string }>(202, "POST", "/bulk", body, headers)).bulkId;
}

export function preview(plane: Plane, action: BulkAction, filter: unknown): Promise<BulkPreview> {
  return plane.expectJson(200, "POST", "/bulk", { action, filter, dryRun: true });
}

export function readBulk(plane: Plane, bulkId: string): Promise<Bulk> {
  return plane.expectJson<Bulk>(200, "GET", `/bulk/${bulkId}`);
}

export function waitForEnd(plane: Plane, bulkId: string): Promise<Bulk> {
  return waitFor(
    async () => {
      const bulk = await readBulk(plane, bulkId);
      return bulk.state === "running" ? { ok: false, seen: JSON.stringify(bulk) } : { ok: true, value: bulk };
    },
    "the end of the bulk work",
    LONG_MS,
  );
}

export function waitForSomeDone(plane: Plane, bulkId: string): Promise<Bulk> {
  return waitFor(async () => {
    const bulk = await readBulk(plane, bulkId);
    return bulk.done > 0 ? { ok: true, value: bulk } : { ok: false, seen: "nothing done" };
  }, "the first chunk");
}

/** Copies of a run with the first id, `copy-1` and so on, which nobody could make one by one in the time of a test. */
export async function multiply(stub: DurableObjectStub, runId: string, times: number): Promise<void> {
  await runInDurableObject(stub, (_, { storage }) => {
    const columns = storage.sql
      .exec("SELECT name FROM pragma_table_info('runs') WHERE name NOT IN ('n', 'id')")
      .toArray()
      .map((row) => row["name"] as string)
      .join(", ");
    storage.sql.exec(
      `WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < ?2)
       INSERT INTO runs (id, ${columns}) SELECT 'copy-' || i, ${columns} FROM runs, c WHERE id = ?1`,
      runId,
      times,
    );
    storage.sql.exec(
      `INSERT INTO payloads (run_id, input, output, definition)
       SELECT r.id, input, output, definition FROM runs r, payloads p WHERE r.id LIKE 'copy-%' AND p.run_id = ?`,
      runId,
    );
  });
}

/** An event with this many runs that were cancelled while they waited, each with its number as input; D1 knows. */
export async function cancelledRuns(
  plane: Plane,
  count: number,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const eventId = await createEvent(plane, fields);
  for (let from = 0; from < count; from += 1_000) {
    const runs = Array.from({ length: Math.min(1_000, count - from) }, (_, i) => ({ input: from + i }));
    await plane.expectJson(202, "POST", `/events/${eventId}/runs/batch`, { runs });
  }
  await waitForEnd(plane, await startBulk(plane, "cancel", { eventId }));
  await outboxIsEmpty(plane);
  return eventId;
}

/** Every run of the event, from the list. */
export async function listAll(plane: Plane, eventId: string, query = ""): Promise<RunSummary[]> {
  const found: RunSummary[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const after: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page: { items: RunSummary[]; nextCursor: string | null } = await plane.expectJson(
      200,
      "GET",
      `/runs?limit=200&eventId=${eventId}${query}${after}`,
    );
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
}
