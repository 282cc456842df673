import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { Event, Run } from "@cronium/protocol";
import { shardOf } from "@cronium/protocol/ids";
import { MAX_CHAIN_DEPTH } from "@cronium/protocol/chain-tables";
import { afterEach, describe, test } from "vitest";
import { failForGood } from "./dead-letter.ts";
import { closeAll, connect, registerFake, type Connection } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent, trigger } from "./queue-story.ts";

afterEach(closeAll);

const failed = { outcome: "failed", exitCode: 3 } as const;

async function runner(plane: Plane): Promise<Connection> {
  return connect(await registerFake(plane), { slots: 1 });
}

/** Serves the next job, which must be of this run. */
async function serve(
  connection: Connection,
  runId: string,
  result: Parameters<Connection["finish"]>[1] = {},
): Promise<void> {
  const job = await connection.job();
  if (job.runId !== runId) {
    throw new Error(`expected a job of ${runId}, got one of ${job.runId}`);
  }
  await connection.accept(job);
  await connection.finish(job, result);
}

function settled(plane: Plane, runId: string): Promise<Run> {
  return plane.until(
    runId,
    ({ finishedAt, chained }) => finishedAt !== null && chained.every(({ state }) => state !== "pending"),
    "the end of the run and of its chains",
  );
}

describe("an event with chains", () => {
  test("starts the events of its end with the output, and tells both runs of each other", async ({ expect }) => {
    const plane = await makePlane();
    const load = await createEvent(plane, { name: "Load" });
    const alarm = await createEvent(plane, { name: "Tell somebody" });
    const fetchId = await createEvent(plane, {
      name: "Fetch",
      chains: [
        { eventId: load, on: "success" },
        { eventId: alarm, on: "failure" },
      ],
    });
    expect(await plane.expectJson<Event>(200, "GET", `/events/${fetchId}`)).toMatchObject({
      chains: [
        { eventId: load, on: "success", mapping: null },
        { eventId: alarm, on: "failure", mapping: null },
      ],
    });
    const connection = await runner(plane);
    const runId = await trigger(plane, fetchId);
    await serve(connection, runId, { output: { rows: 7 } });
    const { chained } = await settled(plane, runId);
    expect(chained).toEqual([
      {
        eventId: load,
        on: "success",
        state: "started",
        reason: null,
        message: null,
        runId: expect.stringMatching(/^run_/),
        at: expect.any(String),
      },
    ]);
    expect(await plane.run(chained[0]?.runId ?? "")).toMatchObject({
      eventId: load,
      trigger: "event",
      input: { rows: 7 },
      origin: { type: "chain", runId, eventId: fetchId, eventName: "Fetch", on: "success", rootRunId: runId, depth: 1 },
    });
  });

  test("makes inputs by mappings over how the run ended, and defaults where there is no output", async ({ expect }) => {
    const plane = await makePlane();
    const target = await createEvent(plane, { defaultInput: { from: "default" } });
    const mapping = '{"why": run.reason, "exit": run.exitCode, "day": input.day, "by": run.eventName, "on": on}';
    const source = await createEvent(plane, {
      name: "Nightly",
      chains: [
        { eventId: target, on: "failure", mapping },
        { eventId: target, on: "any" },
      ],
    });
    const connection = await runner(plane);
    const runId = await trigger(plane, source, { input: { day: "Monday" } });
    await serve(connection, runId, { ...failed, failReason: "exit_code" });
    const { chained } = await settled(plane, runId);
    const inputs = await Promise.all(chained.map(async (one) => (await plane.run(one.runId ?? "")).input));
    expect(inputs).toEqual([
      { why: "exit_code", exit: 3, day: "Monday", by: "Nightly", on: "failure" },
      { from: "default" },
    ]);
  });

  test("follows only the end: not an attempt that is tried again, a cancelled run by `any` alone, a timeout by its own", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const target = await createEvent(plane, { labels: { none: "here" } });
    const chains = ["success", "failure", "timeout", "any"].map((on) => ({ eventId: target, on }));
    const source = await createEvent(plane, { scriptRetries: 1, chains });
    const ends = async (runId: string): Promise<string[]> => (await settled(plane, runId)).chained.map(({ on }) => on);
    const cancelled = await trigger(plane, source);
    await plane.expectJson(202, "POST", `/runs/${cancelled}/cancel`);
    expect(await ends(cancelled)).toEqual(["any"]);
    const connection = await runner(plane);
    const runId = await trigger(plane, source);
    await serve(connection, runId, failed);
    expect((await plane.run(runId)).chained).toEqual([]);
    await serve(connection, runId, { outcome: "timed_out", failReason: "timeout", exitCode: null });
    expect(await ends(runId)).toEqual(["timeout", "any"]);
  });

  test("says why it started nothing: a mapping that fails, an input that is refused", async ({ expect }) => {
    const plane = await makePlane();
    const inputSchema = { type: "object", properties: { rows: { type: "integer" } }, required: ["rows"] };
    const target = await createEvent(plane, { inputSchema });
    const source = await createEvent(plane, {
      chains: [
        { eventId: target, on: "any", mapping: "$sum(output.names)" },
        { eventId: target, on: "any", mapping: '{"rows": "many"}' },
        { eventId: target, on: "any", mapping: '{"rows": 1}' },
      ],
    });
    const connection = await runner(plane);
    const runId = await trigger(plane, source);
    await serve(connection, runId, { output: { names: ["a"] } });
    expect((await settled(plane, runId)).chained).toMatchObject([
      {
        state: "refused",
        reason: "mapping_failed",
        message: expect.stringMatching(/^The mapping made no input: /),
        runId: null,
      },
      { state: "refused", reason: "invalid_input", message: "/input/rows must be integer, not string.", runId: null },
      { state: "started", reason: null, runId: expect.any(String) },
    ]);
  });

  test("refuses to be saved with a mapping that is none, an event that does not exist, or too many", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const target = await createEvent(plane);
    const save = (chains: unknown): Promise<unknown> =>
      plane.expectJson(422, "POST", "/events", { name: "e", runtime: "bash", script: "true", chains });
    expect(await save([{ eventId: target, on: "any", mapping: "output.(" }])).toMatchObject({
      code: "invalid_mapping",
      errors: [{ pointer: "/chains/0/mapping" }],
    });
    const nobody = `${target.slice(0, -4)}zzzz`;
    expect(await save([{ eventId: nobody, on: "any" }])).toMatchObject({
      code: "invalid_value",
      errors: [{ pointer: "/chains/0/eventId", code: "not_found", message: `is no event: ${nobody}` }],
    });
    expect(await save(Array.from({ length: 11 }, () => ({ eventId: target, on: "any" })))).toMatchObject({
      errors: [{ pointer: "/chains" }],
    });
    expect(await save([{ eventId: target, on: "sometimes" }])).toMatchObject({ errors: [{ pointer: "/chains/0/on" }] });
  });

  test("refuses to lead back to itself, and names the way", async ({ expect }) => {
    const plane = await makePlane();
    const c = await createEvent(plane, { name: "Report" });
    const b = await createEvent(plane, { name: "Load", chains: [{ eventId: c, on: "success" }] });
    const a = await createEvent(plane, { name: "Fetch", chains: [{ eventId: b, on: "success" }] });
    expect(
      await plane.expectJson(422, "PATCH", `/events/${c}`, { version: 1, chains: [{ eventId: a, on: "any" }] }),
    ).toMatchObject({
      code: "chain_cycle",
      detail: "/chains/0/eventId leads back to the event itself: Report → Fetch → Load → Report.",
      errors: [{ pointer: "/chains/0/eventId", code: "chain_cycle" }],
    });
    expect(
      await plane.expectJson(422, "PATCH", `/events/${a}`, { version: 1, chains: [{ eventId: a, on: "any" }] }),
    ).toMatchObject({ detail: "/chains/0/eventId leads back to the event itself: Fetch → Fetch." });
    await plane.expectJson(200, "PATCH", `/events/${b}`, { version: 1, chains: [] });
    await plane.expectJson(200, "PATCH", `/events/${c}`, { version: 1, chains: [{ eventId: a, on: "any" }] });
  });

  test("ends after sixteen runs in a row, as those of versions that led in a circle", async ({ expect }) => {
    const plane = await makePlane();
    const ids: string[] = [];
    for (let i = 0; i <= MAX_CHAIN_DEPTH + 1; i += 1) {
      const [before] = ids;
      ids.unshift(
        await createEvent(plane, { chains: before === undefined ? [] : [{ eventId: before, on: "success" }] }),
      );
    }
    const connection = await runner(plane);
    let runId = await trigger(plane, ids[0] ?? "");
    const root = runId;
    for (let depth = 1; depth <= MAX_CHAIN_DEPTH; depth += 1) {
      await serve(connection, runId);
      runId = (await settled(plane, runId)).chained[0]?.runId ?? "";
      expect((await plane.run(runId)).origin).toMatchObject({ type: "chain", rootRunId: root, depth });
    }
    await serve(connection, runId);
    expect((await settled(plane, runId)).chained).toMatchObject([{ state: "refused", reason: "depth_limit" }]);
  });

  test("keeps what is to be started through the loss of its Dispatcher, and starts it once when it can", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const target = await createEvent(plane, { labels: { none: "here" } });
    const source = await createEvent(plane, { chains: [{ eventId: target, on: "success" }] });
    const waiting = await trigger(plane, target);
    const connection = await runner(plane);
    const runId = await trigger(plane, source);
    const job = await connection.job();
    await connection.accept(job);
    // Nothing more may be queued, so the chain has to wait.
    await plane.expectJson(200, "PATCH", "/settings", { queueLimit: 1 });
    await connection.finish(job);
    expect((await plane.run(runId)).chained).toMatchObject([{ state: "pending", runId: null }]);
    await evictDurableObject(plane.dispatcherStub);
    expect((await plane.run(runId)).chained).toMatchObject([{ state: "pending", runId: null }]);
    await plane.expectJson(202, "POST", `/runs/${waiting}/cancel`);
    const { chained } = await settled(plane, runId);
    expect(chained).toMatchObject([{ state: "started", runId: expect.any(String) }]);
    await runInDurableObject(plane.dispatcherStub, (_, { storage: { sql } }) => {
      const made = sql.exec("SELECT id FROM runs WHERE event_id = ? AND trigger = 'event'", target).toArray();
      expect(made).toEqual([{ id: chained[0]?.runId }]);
      expect(sql.exec("SELECT * FROM chain_starts").toArray()).toEqual([]);
    });
  });

  test("follows each end of a dead letter that is put back", async ({ expect }) => {
    const plane = await makePlane();
    const target = await createEvent(plane, { labels: { none: "here" } });
    const source = await createEvent(plane, { chains: [{ eventId: target, on: "any" }] });
    const runId = await trigger(plane, source);
    const connection = await runner(plane);
    await failForGood(plane, connection);
    await settled(plane, runId);
    await plane.expectJson(202, "POST", `/runs/${runId}/requeue`);
    await serve(connection, runId);
    const { chained } = await plane.until(
      runId,
      ({ chained: all }) => all.length === 2 && all.every(({ state }) => state === "started"),
      "both ends",
    );
    expect(new Set(chained.map((one) => one.runId)).size).toBe(2);
  });

  test("reaches events whose queue has a shard of its own, and starts others from there", async ({ expect }) => {
    const plane = await makePlane();
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
    const last = await createEvent(plane, { name: "Last" });
    const hot = await createEvent(plane, { name: "Hot", queue: "hot", chains: [{ eventId: last, on: "success" }] });
    const first = await createEvent(plane, { name: "First", chains: [{ eventId: hot, on: "success" }] });
    const fake = await registerFake(plane);
    const home = await connect(fake);
    await home.next("shards");
    const own = await connect(fake, { shard: 1, epoch: home.epoch });
    const runId = await trigger(plane, first);
    await serve(home, runId, { output: 1 });
    const inShard = (await settled(plane, runId)).chained[0]?.runId ?? "";
    expect(shardOf(inShard)).toBe(1);
    await serve(own, inShard, { output: 2 });
    const atHome = (await settled(plane, inShard)).chained[0]?.runId ?? "";
    expect(shardOf(atHome)).toBe(0);
    expect(await plane.run(atHome)).toMatchObject({
      eventId: last,
      input: 2,
      origin: { runId: inShard, rootRunId: runId, depth: 2 },
    });
  });
});
