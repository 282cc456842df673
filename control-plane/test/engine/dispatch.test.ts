import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane, script } from "./plane.ts";

afterEach(closeAll);

describe("waiting and being dispatched", () => {
  test("a run without a runner says why it waits, and goes when one connects", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger({ labels: { gpu: "yes" } });
    expect(await plane.run(runId)).toMatchObject({
      state: "queued",
      queueReason: "no_matching_runner",
      message: "No runner is registered yet (it needs gpu=yes). Add one on the Runners page.",
    });
    await connect(await registerFake(plane, { name: "plain" }));
    const waiting = await plane.until(
      runId,
      (run) => run.message?.includes("1 runner online") === true,
      "a new reason",
    );
    expect(waiting.queueReason).toBe("no_matching_runner");
    const fitting = await connect(await registerFake(plane, { labels: { gpu: "yes" } }));
    expect((await fitting.job()).runId).toBe(runId);
  });

  test("runs are served in order of arrival, as many as a runner has slots", async ({ expect }) => {
    const plane = await makePlane();
    const first = await plane.trigger();
    const second = await plane.trigger();
    const third = await plane.trigger();
    const connection = await connect(await registerFake(plane), { slots: 2 });
    const jobs = [await connection.job(), await connection.job()];
    expect(jobs.map((job) => job.runId)).toEqual([first, second]);
    expect((await plane.run(third)).queueReason).toBe("runner_busy");
    expect((await plane.dispatcher.listRunners())[0]).toMatchObject({ state: "busy", slotsUsed: 2 });
    await connection.accept({ runId: first, attempt: 1 });
    await connection.finish({ runId: first, attempt: 1 });
    expect((await connection.job()).runId).toBe(third);
  });

  test("runs that nobody can take do not hold up those behind them", async ({ expect }) => {
    const plane = await makePlane();
    for (let i = 0; i < 70; i += 1) {
      await plane.trigger({ labels: { gpu: "yes" } });
    }
    const runId = await plane.trigger();
    const connection = await connect(await registerFake(plane));
    expect((await connection.job()).runId).toBe(runId);
  });

  test("large jobs travel in frames of their own", async ({ expect }) => {
    const plane = await makePlane();
    const input = "x".repeat(700_000);
    const ids = [await plane.trigger({ input }), await plane.trigger({ input }), await plane.trigger()];
    const connection = await connect(await registerFake(plane));
    const frames = [await connection.next("jobs"), await connection.next("jobs")];
    expect(frames.map((frame) => frame.jobs.map((job) => job.runId))).toEqual([[ids[0]], [ids[1], ids[2]]]);
  });

  test("a runner that is not ready gets nothing until it is", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), { notReady: ["docker_down"] });
    const runId = await plane.trigger();
    expect((await plane.run(runId)).message).toContain("Docker does not answer");
    connection.send({ type: "status", notReady: [], draining: false, latencyMs: null });
    expect((await connection.job()).runId).toBe(runId);
  });

  test("a declined offer goes to the next runner under a new number", async ({ expect }) => {
    const plane = await makePlane();
    const full = await connect(await registerFake(plane), { slots: 9 });
    const runId = await plane.trigger();
    const { attempt } = await full.job();
    const free = await connect(await registerFake(plane));
    full.send({ type: "decline", runId, attempt, reason: "full", message: null });
    expect(await free.job()).toMatchObject({ runId, attempt: 2 });
    expect((await plane.run(runId)).attempts[0]).toMatchObject({ state: "declined" });
  });

  test("F6 an offer that is not answered is made again, and the old one never starts", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    expect((await connection.job()).attempt).toBe(1);
    expect((await connection.job()).attempt).toBe(2);
    connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
    expect(await connection.next("refused")).toMatchObject({ attempt: 1, code: "stale_attempt" });
    await connection.accept({ runId, attempt: 2 });
    expect((await plane.run(runId)).attempt).toBe(2);
  });

  test("a refusal by the runner's policy ends the run with its words", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await connection.job();
    connection.send({ type: "decline", runId, attempt: 1, reason: "policy_denied", message: "No mount named data." });
    const run = await plane.until(runId, ({ state }) => state === "failed", "the refusal");
    expect(run).toMatchObject({ failReason: "policy_denied", message: "No mount named data." });
  });

  test("a script with retries is offered again after its back-off", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger({ scriptRetries: 1 });
    await connection.accept(await connection.job());
    connection.send({ type: "started", runId, attempt: 1 });
    await connection.finish({ runId, attempt: 1 }, { outcome: "failed", exitCode: 2 });
    expect((await connection.job()).attempt).toBe(2);
  });
});

describe("T6 the fence", () => {
  test("another runner cannot complete an attempt", async ({ expect }) => {
    const plane = await makePlane();
    const holder = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await holder.accept(await holder.job());
    const thief = await connect(await registerFake(plane));
    thief.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
    expect(await thief.next("refused")).toMatchObject({ code: "not_lease_holder" });
    const before = await plane.run(runId);
    thief.send({
      type: "exited",
      runId,
      attempt: 1,
      result: {
        outcome: "succeeded",
        failReason: null,
        message: null,
        exitCode: 0,
        signal: null,
        output: "forged",
        durationMs: 1,
      },
    });
    expect(await thief.next("stale")).toEqual({ type: "stale", runId, attempt: 1 });
    thief.send({ type: "done", jobs: [{ runId, attempt: 1, logBytes: 9, logState: "complete" }] });
    await thief.next("stale");
    expect(await plane.run(runId)).toEqual(before);
  });

  test("a renewal names what the runner no longer holds", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await connection.accept(await connection.job());
    connection.send({
      type: "renew",
      id: 5,
      attempts: [
        { runId, attempt: 1 },
        { runId, attempt: 2 },
      ],
    });
    expect(await connection.next("renewed")).toEqual({
      type: "renewed",
      id: 5,
      leaseMs: 3_000,
      stale: [{ runId, attempt: 2 }],
    });
  });

  test("a done without a result is told so", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await connection.accept(await connection.job());
    connection.send({ type: "done", jobs: [{ runId, attempt: 1, logBytes: 0, logState: "complete" }] });
    expect(await connection.next("error")).toMatchObject({ code: "invalid_result" });
  });
});

describe("B38 Idempotency-Key", () => {
  test("the same request gives the same run, however often it comes", async ({ expect }) => {
    const plane = await makePlane();
    const event = await plane.expectJson<{ id: string }>(201, "POST", "/events", {
      name: "x",
      runtime: "bash",
      script: "true",
    });
    const path = `/events/${event.id}/runs`;
    const key = { "idempotency-key": "order-7" };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        plane.expectJson<{ runId: string; created: boolean }>(202, "POST", path, { input: 1 }, key),
      ),
    );
    expect(new Set(answers.map((answer) => answer.runId)).size).toBe(1);
    expect(answers.filter((answer) => answer.created)).toHaveLength(1);
    const other = await plane.call("POST", path, { input: 2 }, key);
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ code: "idempotency_mismatch" });
    const elsewhere = await plane.call("POST", "/runs", { ...script, input: 1 }, key);
    expect(elsewhere.status).toBe(422);
  });

  test("is remembered for 24 hours, and means nothing after that", async ({ expect }) => {
    const plane = await makePlane();
    const key = { "idempotency-key": "order-8" };
    const send = (body: object): Promise<{ runId: string }> => plane.expectJson(202, "POST", "/runs", body, key);
    const first = await send(script);
    const age = (ms: number): Promise<void> =>
      runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
        storage.sql.exec("UPDATE causes SET at = at - ?", ms);
      });
    await age(86_400_000 - 60_000);
    expect(await send(script)).toEqual({ runId: first.runId, created: false });
    await age(60_000);
    const other = await send({ ...script, input: "another" });
    expect(other).toMatchObject({ created: true });
    expect(other.runId).not.toBe(first.runId);
    expect((await send({ ...script, input: "another" })).runId).toBe(other.runId);
  });

  test("an event is created once for one key", async ({ expect }) => {
    const plane = await makePlane();
    const body = { name: "x", runtime: "bash", script: "true" };
    const key = { "idempotency-key": "k" };
    const first = await plane.expectJson<{ id: string }>(201, "POST", "/events", body, key);
    const second = await plane.expectJson<{ id: string }>(201, "POST", "/events", body, key);
    expect(second.id).toBe(first.id);
    expect((await plane.call("POST", "/events", { ...body, name: "y" }, key)).status).toBe(422);
  });

  test("a malformed key is refused", async ({ expect }) => {
    const plane = await makePlane();
    const response = await plane.call("POST", "/runs", script, { "idempotency-key": "x".repeat(256) });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_idempotency_key" });
  });

  test("requests without a key are runs of their own", async ({ expect }) => {
    const plane = await makePlane();
    expect(await plane.trigger()).not.toBe(await plane.trigger());
  });

  test("the same enqueue command gives the same run", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger();
    const repeated = await plane.dispatcher.enqueue({
      runId,
      causeKey: runId,
      bodyHash: "",
      trigger: "api",
      input: null,
      options: {},
      target: { kind: "event", eventId: "evt_none" },
    });
    expect(repeated).toEqual({ ok: true, value: { runId, created: false } });
  });
});
