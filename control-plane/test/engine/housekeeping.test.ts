import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { detailKey, logKey } from "../../src/domain/blob-keys.ts";
import { onAlarm } from "../../src/objects/dispatcher/alarm.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { upsertRuns } from "../../src/store/projection.ts";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, outboxIsEmpty, type Plane, waitFor } from "./plane.ts";

afterEach(closeAll);

const testEnv = env as unknown as Env;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MANY = 3_000;

/** What stays: definitions, machines and settings, which people delete, and what each is one row of; the audit its own time. */
const KEPT = ["meta", "schema_steps", "events", "event_versions", "runners", "queues", "shards", "audit"];

async function finishOne(plane: Plane): Promise<string> {
  const runId = await plane.trigger({ labels: { zone: "a" } });
  const connection = await connect(await registerFake(plane, { labels: { zone: "a" } }));
  const { attempt } = await connection.job();
  await connection.accept({ runId, attempt });
  await connection.finish({ runId, attempt });
  await connection.close();
  return runId;
}

function copyRuns(sql: SqlStorage, runId: string): void {
  for (const [table, key] of [
    ["runs", "id"],
    ["attempts", "run_id"],
    ["payloads", "run_id"],
  ]) {
    const columns = sql
      .exec(`SELECT name FROM pragma_table_info('${table}') WHERE name NOT IN ('n', '${key}')`)
      .toArray()
      .map((row) => row["name"] as string)
      .join(", ");
    sql.exec(
      `WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < ${MANY})
       INSERT INTO ${table} (${key}, ${columns}) SELECT 'copy-' || i, ${columns} FROM ${table}, c WHERE ${key} = ?`,
      runId,
    );
  }
}

describe("housekeeping", () => {
  test("thousands of finished runs leave nothing behind in the Dispatcher", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await finishOne(plane);
    await plane.expectJson(202, "POST", "/runs", { runtime: "bash", script: "true" }, { "idempotency-key": "once" });
    await plane.expectJson(202, "POST", "/bulk", { action: "cancel", filter: { state: ["queued"] } });
    await plane.dispatcher.watchRun(runId);
    await waitFor(async () => {
      const { now } = await plane.expectJson<{ now: { queued: number } }>(200, "GET", "/stats");
      return now.queued === 0 ? { ok: true, value: null } : { ok: false, seen: JSON.stringify(now) };
    }, "the bulk work");
    await outboxIsEmpty(plane);
    await runInDurableObject(plane.dispatcherStub, (_, state) => {
      const { sql } = state.storage;
      copyRuns(sql, runId);
      const rowsOf = (table: string): number =>
        sql.exec(`SELECT count(*) AS rows FROM ${table}`).one()["rows"] as number;
      expect(rowsOf("runs")).toBe(MANY + 2);
      let now = Date.now() + 8 * DAY_MS;
      const shell = openShell(state, { ...makeDeps(testEnv), clock: { now: () => now } });
      let alarms = 0;
      while (rowsOf("runs") > 0 && alarms < 20) {
        onAlarm(shell);
        now += 1_000;
        alarms += 1;
      }
      expect(alarms).toBeLessThan(10);
      const tables = sql
        .exec(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
        )
        .toArray()
        .map((row) => row["name"] as string);
      // The outbox empties through D1, which this clock does not reach; counters of hours are looked at below.
      const others = [...KEPT, "outbox", "counters"];
      expect(tables.filter((table) => !others.includes(table) && rowsOf(table) > 0)).toEqual([]);
      expect(sql.exec("SELECT count(*) AS rows FROM counters WHERE hour > 0").one()["rows"]).toBe(0);
    });
  });

  test("runs and their blobs leave D1 when the workspace keeps them no longer", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await finishOne(plane);
    await outboxIsEmpty(plane);
    const { blobs } = makeDeps(testEnv);
    const summary = await plane.run(runId);
    const old = Date.now() - 8 * DAY_MS;
    const at = new Date(old).toISOString();
    const ids = Array.from({ length: 250 }, (_, i) => `run_old${i}_${plane.workspaceId}`);
    const detail = JSON.stringify({ logBytes: 3, inBlob: true });
    await upsertRuns(
      testEnv.DB,
      plane.workspaceId,
      ids.map((id) => ({
        summary: { ...summary, id, eventName: "Long gone", queuedAt: at, finishedAt: at },
        labels: { zone: "old" },
        detail,
      })),
    );
    const first = ids[0] ?? "";
    await blobs.put(logKey(plane.workspaceId, first), new Uint8Array([1, 2, 3]));
    await blobs.put(detailKey(plane.workspaceId, first), new Uint8Array([4]));
    const rowsOf = async (table: string, condition = "1"): Promise<number | undefined> =>
      (
        await testEnv.DB.prepare(`SELECT count(*) AS rows FROM ${table} WHERE workspace_id = ? AND ${condition}`)
          .bind(plane.workspaceId)
          .first<{ rows: number }>()
      )?.rows;
    expect(await rowsOf("runs")).toBe(251);
    await plane.expectJson(200, "PATCH", "/settings", { retentionDays: 7 });
    await waitFor(async () => {
      const rows = await rowsOf("runs");
      return rows === 1 ? { ok: true, value: rows } : { ok: false, seen: `${rows} rows` };
    }, "the end of the old runs");
    expect((await plane.run(runId)).state).toBe("succeeded");
    expect(await rowsOf("run_labels")).toBe(1);
    expect(await rowsOf("run_names", "name = 'Long gone'")).toBe(0);
    expect(await blobs.get(logKey(plane.workspaceId, first))).toBeNull();
    expect(await blobs.get(detailKey(plane.workspaceId, first))).toBeNull();
  });
});
