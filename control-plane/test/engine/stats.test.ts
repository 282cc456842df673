import { exports } from "cloudflare:workers";
import type { Stats } from "@cronium/protocol";
import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { OLDEST } from "../../src/objects/dispatcher/stats.ts";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, ORIGIN, script, waitFor, type Plane } from "./plane.ts";

afterEach(closeAll);

async function scrape(plane: Plane): Promise<Map<string, number>> {
  const response = await exports.default.fetch(
    new Request(`${ORIGIN}/metrics`, { headers: { authorization: `Bearer ${plane.apiKey}` } }),
  );
  const text = await response.text();
  if (response.status !== 200) {
    throw new Error(`/metrics answered ${response.status}: ${text}`);
  }
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line) => {
      const [, name = "", value = ""] = /^(\S+) (\S+)$/.exec(line) ?? [];
      return [name.replace(`workspace="${plane.workspaceId}"`, "").replace("{,", "{").replace("{}", ""), Number(value)];
    }),
  );
}

const stats = (plane: Plane): Promise<Stats> => plane.expectJson<Stats>(200, "GET", "/stats");

describe("numbers of a workspace", () => {
  test("runs are counted in the state they are in and in the hour they ended", async ({ expect }) => {
    const plane = await makePlane();
    await plane.trigger({ labels: { gpu: "yes" } });
    const cancelled = await plane.trigger({ labels: { gpu: "yes" } });
    await plane.expectJson(202, "POST", `/runs/${cancelled}/cancel`);
    const runId = await plane.trigger();
    const connection = await connect(await registerFake(plane));
    const { attempt } = await connection.job();
    expect((await stats(plane)).now).toMatchObject({ queued: 2, starting: 0 });
    await connection.accept({ runId, attempt });
    const busy = await stats(plane);
    expect(busy.now).toMatchObject({ queued: 1, starting: 1 });
    expect(busy.oldestWaitMs).toBeGreaterThanOrEqual(0);
    expect(busy.runners).toEqual({ registered: 1, connected: 1 });
    await connection.finish({ runId, attempt });
    const after = await stats(plane);
    expect(after.now).toEqual({ queued: 1, starting: 0, running: 0, waiting: 0, cancelling: 0 });
    const sum = (name: "triggered" | "succeeded" | "cancelled" | "failed"): number =>
      after.hours.reduce((total, hour) => total + hour[name], 0);
    expect([sum("triggered"), sum("succeeded"), sum("cancelled"), sum("failed")]).toEqual([3, 1, 1, 0]);
  });

  test("a failed turn counts nothing", async ({ expect }) => {
    const plane = await makePlane();
    await plane.trigger();
    await plane.expectJson(422, "POST", "/runs", { ...script, runtime: "cobol" });
    await plane.expectJson(404, "POST", "/events/evt_01m7xqece7rd9cwj5ny98npjgv/runs", { input: null });
    expect((await stats(plane)).now.queued).toBe(1);
  });

  test("a scraper sees the queue, the dispatches, the lost leases and the outbox", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger();
    const waiting = await scrape(plane);
    expect(waiting.get("cronium_queue_depth")).toBe(1);
    expect(waiting.get("cronium_queue_oldest_wait_seconds")).toBeGreaterThanOrEqual(0);
    const connection = await connect(await registerFake(plane));
    expect((await scrape(plane)).get('cronium_sockets{kind="runner"}')).toBe(1);
    const { attempt } = await connection.job();
    await connection.accept({ runId, attempt });
    await connection.close();
    await plane.until(runId, ({ attempts }) => attempts[0]?.state === "lost", "the loss");
    const seen = await scrape(plane);
    expect(seen.get('cronium_dispatch_seconds_bucket{le="+Inf"}')).toBe(1);
    expect(seen.get("cronium_dispatch_seconds_count")).toBe(1);
    expect(seen.get("cronium_leases_lost_total")).toBe(1);
    expect(seen.get("cronium_retries_total")).toBe(1);
    expect(seen.get("cronium_commit_size_count")).toBeGreaterThan(2);
    expect(seen.get('cronium_sockets{kind="runner"}')).toBe(0);
    await waitFor(async () => {
      const rows = (await scrape(plane)).get("cronium_outbox_rows");
      return rows === 0 ? { ok: true, value: rows } : { ok: false, seen: String(rows) };
    }, "an empty outbox");
    expect((await scrape(plane)).get("cronium_outbox_lag_seconds")).toBe(0);
  });

  test("no number is found by counting runs", async ({ expect }) => {
    const plane = await makePlane();
    await plane.trigger();
    await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
      const plan = storage.sql
        .exec(`EXPLAIN QUERY PLAN ${OLDEST}`)
        .toArray()
        .map((row) => row["detail"] as string);
      expect(plan.filter((line) => line.includes("runs"))).toEqual([
        expect.stringMatching(/^SEARCH runs USING INDEX runs_lane \(lane=\? AND offered=\? AND gate=\?\)$/),
      ]);
    });
  });
});
