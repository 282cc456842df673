import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, newEpoch, registerFake } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";
import { createEvent, serveAll, trigger } from "./queue-story.ts";

afterEach(closeAll);

/** Runs under way, as runners see them. */
async function underWay(plane: Plane): Promise<number> {
  return runInDurableObject(
    plane.dispatcherStub,
    (_, { storage }) =>
      storage.sql
        .exec("SELECT count(*) AS live FROM attempts WHERE state IN ('offered', 'accepted', 'running', 'finishing')")
        .one()["live"] as number,
  );
}

describe("I16 an event's concurrency", () => {
  test("holds up its runs and nobody else's, and says so", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 4 });
    const limited = await createEvent(plane, { name: "Import", concurrency: 2 });
    const runs = [await trigger(plane, limited), await trigger(plane, limited), await trigger(plane, limited)];
    const other = await plane.trigger();
    const jobs = [await connection.job(), await connection.job(), await connection.job()];
    expect(jobs.map((job) => job.runId)).toEqual([runs[0], runs[1], other]);
    expect(await plane.run(runs[2] ?? "")).toMatchObject({
      state: "queued",
      queueReason: "concurrency_limit",
      message:
        "Import allows 2 runs at a time, and as many are under way. It starts when one of them has ended; raise the event's concurrency to start sooner.",
    });
    const [first] = jobs;
    if (first !== undefined) {
      await connection.accept(first);
      await connection.finish(first);
    }
    expect((await connection.job()).runId).toBe(runs[2]);
  });

  test("a raised limit lets waiting runs go at once", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 4 });
    const event = await createEvent(plane, { concurrency: 1 });
    await trigger(plane, event);
    const second = await trigger(plane, event);
    await connection.job();
    await plane.expectJson(200, "PATCH", `/events/${event}`, { version: 1, concurrency: null });
    expect((await connection.job()).runId).toBe(second);
  });

  test("a retry counts once, and waits for a place like others", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 4 });
    const event = await createEvent(plane, { concurrency: 1, scriptRetries: 1 });
    const first = await trigger(plane, event);
    const second = await trigger(plane, event);
    const job = await connection.job();
    await connection.accept(job);
    await connection.finish(job, { outcome: "failed", exitCode: 1 });
    expect((await connection.job()).runId).toBe(second);
    await connection.accept({ runId: second, attempt: 1 });
    await plane.until(first, (run) => run.queueReason === "concurrency_limit", "the end of the back-off");
    expect(await underWay(plane)).toBe(1);
    await connection.finish({ runId: second, attempt: 1 });
    expect(await connection.job()).toMatchObject({ runId: first, attempt: 2 });
  });

  test("a lost run keeps its place until it is adopted back", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const holder = await connect(runner);
    const event = await createEvent(plane, { concurrency: 1, onLost: "wait" });
    const first = await trigger(plane, event);
    await holder.accept(await holder.job());
    holder.send({ type: "started", runId: first, attempt: 1 });
    await plane.until(first, (run) => run.state === "running", "the start");
    await holder.close();
    const other = await connect(await registerFake(plane));
    const second = await trigger(plane, event);
    await plane.until(first, (run) => run.state === "waiting", "the loss");
    expect(await plane.run(second)).toMatchObject({ state: "queued", queueReason: "concurrency_limit" });
    const back = await connect(runner, {
      epoch: newEpoch(),
      held: [{ runId: first, attempt: 1, state: "running" }],
    });
    expect(back.welcome.adopt).toEqual([{ runId: first, attempt: 1 }]);
    expect(await underWay(plane)).toBe(1);
    await back.finish({ runId: first, attempt: 1 });
    expect([(await Promise.race([other.job(), back.job()])).runId]).toEqual([second]);
  });
});

describe("I16 a concurrency key", () => {
  test("runs of one value take turns, those of others and without one pass", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 8 });
    const event = await createEvent(plane, { concurrencyKey: { pointer: "/customer/id" } });
    const of = (id: unknown) => trigger(plane, event, { input: { customer: { id } } });
    const first = await of("acme");
    const second = await of("acme");
    const third = await of("acme");
    const others = [await of("other"), await trigger(plane, event), await trigger(plane, event, { input: "none" })];
    const started = [await connection.job(), await connection.job(), await connection.job(), await connection.job()];
    expect(started.map((job) => job.runId)).toEqual([first, ...others]);
    expect(await plane.run(second)).toMatchObject({
      queueReason: "concurrency_limit",
      concurrencyKey: '"acme"',
      message: `/customer/id = "acme" allows 1 run at a time; under way: ${first}. It starts when one of them has ended; raise the limit of the event's concurrencyKey to start sooner.`,
    });
    await connection.accept({ runId: first, attempt: 1 });
    await connection.finish({ runId: first, attempt: 1 });
    expect((await connection.job()).runId).toBe(second);
    await plane.expectJson(202, "POST", `/runs/${second}/cancel`);
    expect((await connection.job()).runId).toBe(third);
  });

  test("a run that leaves the queue hands its turn on", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { concurrencyKey: { pointer: "/k", limit: 1 }, labels: { gpu: "yes" } });
    const connection = await connect(await registerFake(plane, { labels: { gpu: "yes" } }), { slots: 1 });
    const first = await trigger(plane, event, { input: { k: 1 } });
    const parked = [await trigger(plane, event, { input: { k: 1 } }), await trigger(plane, event, { input: { k: 1 } })];
    const blocker = await plane.trigger({ labels: { gpu: "yes" } });
    await connection.accept(await connection.job());
    await connection.finish({ runId: first, attempt: 1 });
    const next = await connection.job();
    await connection.accept(next);
    await connection.finish(next);
    const order = [next.runId, ...(await serveAll(connection, 2))];
    expect(order.toSorted()).toEqual([...parked, blocker].toSorted());
  });

  test("a raised limit, or none, lets parked runs go", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { slots: 8 });
    const event = await createEvent(plane, { concurrencyKey: { pointer: "/k" } });
    const runs: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      runs.push(await trigger(plane, event, { input: { k: 1 } }));
    }
    expect((await connection.job()).runId).toBe(runs[0]);
    await plane.expectJson(200, "PATCH", `/events/${event}`, {
      version: 1,
      concurrencyKey: { pointer: "/k", limit: 2 },
    });
    expect((await connection.job()).runId).toBe(runs[1]);
    expect(await underWay(plane)).toBe(2);
    await plane.expectJson(200, "PATCH", `/events/${event}`, { version: 2, concurrencyKey: null });
    expect([(await connection.job()).runId, (await connection.job()).runId]).toEqual([runs[2], runs[3]]);
  });

  test("a key of more than 512 characters is refused where it stands", async ({ expect }) => {
    const plane = await makePlane();
    const event = await createEvent(plane, { concurrencyKey: { pointer: "/k" } });
    const refused = await plane.expectJson(422, "POST", `/events/${event}/runs`, { input: { k: "x".repeat(600) } });
    expect(refused).toMatchObject({ code: "out_of_range", errors: [{ pointer: "/input/k", code: "out_of_range" }] });
  });
});

describe("I16 the workspace's concurrency", () => {
  test("holds over all events, and can be changed while runs wait", async ({ expect }) => {
    const plane = await makePlane();
    const limits = { queueLimit: 1_000_000, triggersPerMinute: 600_000 };
    const defaults = {
      ...limits,
      retentionDays: 30,
      auditRetentionDays: 365,
      occurrenceRetentionDays: 30,
      deliveryRetentionDays: 15,
    };
    expect(await plane.expectJson(200, "GET", "/settings")).toEqual({ ...defaults, concurrency: null });
    expect(await plane.expectJson(200, "PATCH", "/settings", { concurrency: 1 })).toEqual({
      ...defaults,
      concurrency: 1,
    });
    const connection = await connect(await registerFake(plane), { slots: 4 });
    const first = await plane.trigger();
    const second = await plane.trigger();
    expect((await connection.job()).runId).toBe(first);
    expect((await plane.run(second)).message).toMatch(/^The workspace allows 1 run at a time/);
    await plane.expectJson(200, "PATCH", "/settings", { concurrency: 2 });
    expect((await connection.job()).runId).toBe(second);
    expect(await plane.expectJson(422, "PATCH", "/settings", { concurrency: 0 })).toMatchObject({
      errors: [{ pointer: "/concurrency", code: "out_of_range" }],
    });
  });
});
