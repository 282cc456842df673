import { afterEach, describe, test } from "vitest";
import type { Event, RunSummary } from "@cronium/protocol";
import { shardOf } from "@cronium/protocol/ids";
import { BusyRunner, Ledger } from "./busy-runner.ts";
import { evict } from "./evict.ts";
import { closeAll, registerFake } from "./fake-runner.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";

const working: BusyRunner[] = [];
afterEach(async () => {
  await Promise.all(working.splice(0).map((runner) => runner.stop()));
  await closeAll();
});

const EACH = 500;
/** A busy machine must not fail a test: deadlines only end what hangs. */
const WITHIN_MS = 240_000;
const script = { kind: "script", runtime: "bash", script: "true" };

async function makeEvent(plane: Plane, change: Record<string, unknown>): Promise<string> {
  return (await plane.expectJson<Event>(201, "POST", "/events", { ...script, ...change })).id;
}

/** Every trigger is sent twice under one key; the ids that were answered. */
async function triggerMany(plane: Plane, eventId: string, from: number, count: number): Promise<string[]> {
  const runs = Array.from({ length: count }, (_, i) => ({ idempotencyKey: `${eventId} ${from + i}` }));
  const send = () =>
    plane.expectJson<{ items: { runId: string }[] }>(202, "POST", `/events/${eventId}/runs/batch`, { runs });
  const [first, second] = await Promise.all([send(), send()]);
  const ids = first.items.map(({ runId }) => runId);
  if (JSON.stringify(ids) !== JSON.stringify(second.items.map(({ runId }) => runId))) {
    throw new Error("the same keys were answered with other runs");
  }
  return ids;
}

async function makeFleet(plane: Plane, ledger: Ledger, shards: readonly number[]): Promise<BusyRunner[]> {
  const fleet = await Promise.all([0, 1].map(async () => new BusyRunner(await registerFake(plane), 4, ledger)));
  working.push(...fleet);
  await Promise.all(fleet.flatMap((runner) => shards.map((shard) => runner.serve(shard))));
  return fleet;
}

async function allSucceed(plane: Plane, ids: readonly string[]): Promise<RunSummary[]> {
  return waitFor(
    async () => {
      const found = new Map<string, RunSummary>();
      let cursor: string | null = "";
      while (cursor !== null) {
        const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const page: { items: RunSummary[]; nextCursor: string | null } = await plane.expectJson(
          200,
          "GET",
          `/runs?limit=200${query}`,
        );
        page.items.forEach((run) => found.set(run.id, run));
        cursor = page.nextCursor;
      }
      const done = ids.filter((id) => found.get(id)?.state === "succeeded").length;
      return done === ids.length
        ? { ok: true, value: [...found.values()] }
        : { ok: false, seen: `${done} of ${ids.length}` };
    },
    "the end of all runs",
    WITHIN_MS,
  );
}

describe("home and a shard under load at once", { timeout: 2 * WITHIN_MS }, () => {
  test("lose and double nothing while each is evicted, and exceed no limit of the workspace", async ({ expect }) => {
    const plane = await makePlane();
    const cold = await makeEvent(plane, { name: "cold" });
    const hot = await makeEvent(plane, { name: "hot", queue: "hot" });
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
    await plane.expectJson(200, "PATCH", "/settings", { concurrency: 5 });
    const ledger = new Ledger();
    const fleet = await makeFleet(plane, ledger, [0, 1]);

    const ids: string[] = [];
    for (let from = 0; from < EACH; from += 100) {
      const [a, b] = await Promise.all([triggerMany(plane, cold, from, 100), triggerMany(plane, hot, from, 100)]);
      ids.push(...a, ...b);
      await evict(from % 200 === 0 ? plane.dispatcherStub : plane.shardStub(1), { webSockets: "close" });
    }
    await evict(plane.shardStub(1));
    await evict(plane.dispatcherStub);
    const runs = await allSucceed(plane, ids);

    expect(runs.length).toBe(2 * EACH);
    expect(new Set(ids).size).toBe(2 * EACH);
    expect(ids.filter((id) => shardOf(id) === 1).length).toBe(EACH);
    expect([...ledger.starts.values()].every((starts) => starts === 1)).toBe(true);
    expect(ledger.starts.size).toBe(2 * EACH);
    expect(ledger.mostUp).toBeLessThanOrEqual(5);
    // Every machine has served both.
    expect(fleet.map((runner) => [0, 1].every((shard) => (runner.ended.get(shard) ?? 0) > 0))).toEqual([true, true]);
  });

  test("a queue that moves there and back keeps its keys and the limit of its event", async ({ expect }) => {
    const plane = await makePlane();
    const limited = await makeEvent(plane, { name: "limited", queue: "hot", concurrency: 2 });
    const free = await makeEvent(plane, { name: "free", queue: "hot" });
    const ledger = new Ledger();
    const ids: string[] = [];
    const more = async (from: number): Promise<void> => {
      const pairs = await Promise.all([triggerMany(plane, limited, from, 50), triggerMany(plane, free, from, 50)]);
      ids.push(...pairs.flat());
    };
    await more(0);
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
    await more(50);
    const refused = await plane.call("POST", "/queues/hot/shard", { own: false });
    expect([refused.status, await refused.json()]).toMatchObject([409, { code: "shard_conflict" }]);
    await makeFleet(plane, ledger, [0, 1]);
    await allSucceed(plane, ids);
    const [back] = await Promise.all([plane.expectJson(200, "POST", "/queues/hot/shard", { own: false }), more(100)]);
    expect(back).toMatchObject({ shard: 0 });
    await more(100);
    await evict(plane.dispatcherStub);
    const runs = await allSucceed(plane, ids);
    expect(runs.length).toBe(300);
    expect([...ledger.starts.values()].every((starts) => starts === 1)).toBe(true);
    expect(ledger.mostUpBy.get(limited)).toBeLessThanOrEqual(2);
    expect(ledger.mostUpBy.get(free)).toBeGreaterThan(2);
  });

  test("a limit of one serves both in turn", async ({ expect }) => {
    const plane = await makePlane();
    const cold = await makeEvent(plane, { name: "cold" });
    const hot = await makeEvent(plane, { name: "hot", queue: "hot" });
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
    const ledger = new Ledger();
    const before = await Promise.all([triggerMany(plane, cold, 0, 1), triggerMany(plane, hot, 0, 1)]);
    await makeFleet(plane, ledger, [0, 1]);
    await allSucceed(plane, before.flat());
    ledger.mostUp = 0;
    await plane.expectJson(200, "PATCH", "/settings", { concurrency: 1 });
    const ids = (await Promise.all([triggerMany(plane, cold, 1, 40), triggerMany(plane, hot, 1, 40)])).flat();
    await allSucceed(plane, ids);
    expect(ledger.mostUp).toBe(1);
  });
});
