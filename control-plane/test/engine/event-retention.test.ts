import { env } from "cloudflare:workers";
import { afterEach, describe, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { logKey } from "../../src/domain/blob-keys.ts";
import { upsertRuns } from "../../src/store/projection.ts";
import { findExpiredByEvent, findNextExpiry } from "../../src/store/runs.ts";
import { closeAll } from "./fake-runner.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";
import { createEvent } from "./queue-story.ts";

const testEnv = env as unknown as Env;
const DAY_MS = 86_400_000;

afterEach(closeAll);

/** Puts runs into D1 that ended so many days ago; their ids. */
async function addEnded(plane: Plane, eventId: string | null, days: readonly number[]): Promise<string[]> {
  const summary = await plane.run(await plane.trigger());
  const rows = days.map((age, i) => {
    const at = new Date(Date.now() - age * DAY_MS).toISOString();
    const id = `run_${eventId?.slice(-8) ?? "adhoc"}_${age}_${i}_${plane.workspaceId}`;
    return {
      summary: { ...summary, id, eventId, state: "succeeded" as const, queuedAt: at, finishedAt: at },
      labels: {},
      detail: JSON.stringify({ logBytes: 3 }),
    };
  });
  await upsertRuns(testEnv.DB, plane.workspaceId, rows);
  return rows.map((row) => row.summary.id);
}

const inOrder = (ids: readonly (string | undefined)[]): string[] =>
  ids.map((id) => id ?? "none").toSorted((a, b) => a.localeCompare(b));

async function left(plane: Plane): Promise<string[]> {
  const { results } = await testEnv.DB.prepare("SELECT id FROM runs WHERE workspace_id = ? AND state = 'succeeded'")
    .bind(plane.workspaceId)
    .all<{ id: string }>();
  return inOrder(results.map(({ id }) => id));
}

const untilLeft = (plane: Plane, ids: readonly (string | undefined)[]): Promise<null> =>
  waitFor(async () => {
    const seen = JSON.stringify(await left(plane));
    return seen === JSON.stringify(inOrder(ids)) ? { ok: true, value: null } : { ok: false, seen };
  }, "that only these are left");

describe("retention of an event", () => {
  test("is shorter or longer than the workspace's, for its runs alone", async ({ expect }) => {
    const plane = await makePlane();
    const short = await createEvent(plane, { retentionDays: 1 });
    const long = await createEvent(plane, { retentionDays: 100 });
    const plain = await createEvent(plane);
    const [, shortKept] = await addEnded(plane, short, [2, 0.5]);
    const [, longKept] = await addEnded(plane, long, [101, 40]);
    const [, plainKept] = await addEnded(plane, plain, [31, 29]);
    const [, adhocKept] = await addEnded(plane, null, [31, 29]);
    const { blobs } = makeDeps(testEnv);
    const gone = `run_${short.slice(-8)}_2_0_${plane.workspaceId}`;
    await blobs.put(logKey(plane.workspaceId, gone), new Uint8Array([1, 2, 3]));
    // Any change of the settings looks at once.
    await plane.expectJson(200, "PATCH", "/settings", { retentionDays: 30 });
    await untilLeft(plane, [shortKept, longKept, plainKept, adhocKept]);
    expect(await blobs.get(logKey(plane.workspaceId, gone))).toBeNull();
  });

  test("counts from when it is changed, for older runs too, in batches", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane);
    const other = await createEvent(plane);
    const many = Array.from({ length: 230 }, () => 8);
    await addEnded(plane, event, many);
    const kept = await addEnded(plane, other, [8]);
    await plane.expectJson(200, "PATCH", `/events/${event}`, { version: 1, retentionDays: 7 });
    await untilLeft(plane, kept);
    expect(await plane.expectJson(200, "GET", `/events/${event}`)).toMatchObject({ version: 2, retentionDays: 7 });
    const back = await plane.expectJson(200, "PATCH", `/events/${event}`, { version: 2, retentionDays: null });
    expect(back).toMatchObject({ retentionDays: null });
  });

  test("says when to look again, and never walks over what is kept", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { retentionDays: 100 });
    const before = Date.now();
    await addEnded(plane, event, [40, 50]);
    const events = [
      { eventId: event, keepMs: 100 * DAY_MS },
      { eventId: null, keepMs: 3_000 * DAY_MS },
    ];
    const next = await findNextExpiry(testEnv.DB, plane.workspaceId, events);
    expect(Math.round(((next ?? 0) - before) / DAY_MS)).toBe(50);
    expect(await findExpiredByEvent(testEnv.DB, plane.workspaceId, events, before, 10)).toEqual([]);
    const { results } = await testEnv.DB.prepare(
      `EXPLAIN QUERY PLAN SELECT r.id FROM json_each(?2) e CROSS JOIN runs r INDEXED BY runs_by_event
         ON r.workspace_id = ?1 AND r.event_id IS (e.value->>'eventId') AND r.queued_at < ?3 - (e.value->>'keepMs')
       WHERE r.finished_at < ?3 - (e.value->>'keepMs') LIMIT 10`,
    )
      .bind(plane.workspaceId, JSON.stringify(events), before)
      .all<{ detail: string }>();
    expect(results.map(({ detail }) => detail).join("\n")).toMatch(
      /SEARCH r USING INDEX runs_by_event \(workspace_id=\? AND event_id=\? AND queued_at<\?\)/,
    );
  });

  test("B14 has a range and a type", async ({ expect }) => {
    const plane = await makePlane();
    for (const [retentionDays, code] of [
      [0, "out_of_range"],
      [3_651, "out_of_range"],
      [1.5, "invalid_type"],
      ["30", "invalid_type"],
    ] as const) {
      const body = { name: "x", runtime: "bash", script: "true", retentionDays };
      expect(await plane.expectJson(422, "POST", "/events", body), String(retentionDays)).toMatchObject({
        errors: [{ pointer: "/retentionDays", code }],
      });
    }
  });
});
