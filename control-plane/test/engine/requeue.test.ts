import type { RequeueAccepted, Stats } from "@cronium/protocol";
import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { onAlarm } from "../../src/objects/dispatcher/alarm.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { daemonGone, exhaust, failForGood } from "./dead-letter.ts";
import { closeAll, connect, registerFake, success } from "./fake-runner.ts";
import { makePlane, waitFor, type Plane, outboxIsEmpty } from "./plane.ts";
import { createEvent, serveAll, trigger } from "./queue-story.ts";

afterEach(closeAll);

const testEnv = env as unknown as Env;

const requeue = (plane: Plane, runId: string, headers = {}): Promise<RequeueAccepted> =>
  plane.expectJson(202, "POST", `/runs/${runId}/requeue`, undefined, headers);

/** Lets the Dispatcher's clock stand this far in the future for one alarm. */
async function tidyAfter(plane: Plane, ms: number): Promise<void> {
  await runInDurableObject(plane.dispatcherStub, (_, state) => {
    const clock = { now: () => Date.now() + ms };
    onAlarm(openShell(state, { ...makeDeps(testEnv), clock }));
  });
}

describe("a dead letter", () => {
  test("is put back as the same run, and its next attempt ends it", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const event = await createEvent(plane, { script: "echo 1" });
    const runId = await trigger(plane, event, { input: { n: 1 } });
    expect(await failForGood(plane, connection)).toBe(runId);
    const dead = await plane.run(runId);
    expect(dead).toMatchObject({ state: "failed", failReason: "retries_exhausted", attempt: 1 });
    expect(dead.message).toContain("Docker is gone.");
    await plane.expectJson(200, "PATCH", `/events/${event}`, { version: 1, script: "echo 2" });
    expect(await requeue(plane, runId)).toEqual({ runId, state: "queued", requeued: true });
    const job = await connection.job();
    expect(job).toMatchObject({
      runId,
      attempt: 2,
      input: { n: 1 },
      eventVersion: 1,
      definition: { script: "echo 1" },
    });
    await connection.accept(job);
    await connection.finish(job);
    const run = await plane.run(runId);
    expect(run).toMatchObject({ state: "succeeded", failReason: null, attempt: 2 });
    expect(run.attempts.map(({ state }) => state)).toEqual(["failed", "succeeded"]);
    expect(run.rev).toBeGreaterThan(dead.rev);
    await outboxIsEmpty(plane);
    const row = await testEnv.DB.prepare("SELECT state, rev FROM runs WHERE id = ?").bind(runId).first();
    expect(row).toEqual({ state: "succeeded", rev: run.rev });
  });

  test("has its whole infra budget again", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await failForGood(plane, connection);
    await requeue(plane, runId);
    const job = await connection.job();
    await connection.accept(job);
    await connection.finish(job, daemonGone);
    expect(await plane.run(runId)).toMatchObject({ state: "queued", queueReason: "retry_backoff", attempt: 2 });
  });

  test("is requeued once by requests that come together, and by one that is repeated", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await failForGood(plane, connection);
    const answers = await Promise.all([1, 2, 3, 4].map(() => requeue(plane, runId)));
    expect(answers.filter(({ requeued }) => requeued)).toHaveLength(1);
    const job = await connection.job();
    await connection.accept(job);
    expect(await requeue(plane, runId)).toEqual({ runId, state: "starting", requeued: false });
    expect(await plane.run(runId)).toMatchObject({ attempt: 2 });
    await exhaust(plane, runId);
    await connection.finish(job, daemonGone);
    // Dead a second time: a new request is a new requeue.
    expect(await requeue(plane, runId)).toMatchObject({ requeued: true });
    expect(await connection.job()).toMatchObject({ runId, attempt: 3 });
  });

  test("B38 with an Idempotency-Key is requeued once for that key, whatever became of it", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await failForGood(plane, connection);
    const key = { "idempotency-key": "again, please" };
    await requeue(plane, runId, key);
    await failForGood(plane, connection);
    expect(await requeue(plane, runId, key)).toEqual({ runId, state: "failed", requeued: false });
    const other = await plane.trigger();
    await failForGood(plane, connection);
    await plane.expectJson(422, "POST", `/runs/${other}/requeue`, undefined, key);
    await plane.expectJson(400, "POST", `/runs/${other}/requeue`, undefined, { "idempotency-key": "x".repeat(300) });
    expect(await plane.run(other)).toMatchObject({ state: "failed" });
  });

  test("stays when other ended runs have left the Dispatcher, with the script of an ad-hoc run", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const dead = await plane.trigger({ script: "echo precious", input: [1] });
    await failForGood(plane, connection);
    const done = await plane.trigger();
    await serveAll(connection, 1);
    await outboxIsEmpty(plane);
    await tidyAfter(plane, 2 * 3_600_000);
    expect(await plane.dispatcher.getRun(done)).toBeNull();
    await evictDurableObject(plane.dispatcherStub, { webSockets: "close" });
    await requeue(plane, dead);
    const back = await connect(await registerFake(plane));
    expect(await back.job()).toMatchObject({ runId: dead, definition: { script: "echo precious" }, input: [1] });
    expect(await plane.expectJson(409, "POST", `/runs/${done}/requeue`)).toMatchObject({
      code: "not_dead_letter",
      detail: "The run is no dead letter; it has ended as succeeded.",
    });
  });

  test("is counted, and is gone for good when its retention is over", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const dead = [await plane.trigger(), await plane.trigger()];
    await failForGood(plane, connection);
    await failForGood(plane, connection);
    const count = async (): Promise<number> => (await plane.expectJson<Stats>(200, "GET", "/stats")).deadLetters;
    expect(await count()).toBe(2);
    await requeue(plane, dead[1] ?? "");
    expect(await count()).toBe(1);
    const job = await connection.job();
    await connection.accept(job);
    await outboxIsEmpty(plane);
    await plane.expectJson(200, "PATCH", "/settings", { retentionDays: 7 });
    // As old as can be, in both places; the requeued one had ended as long ago for all that D1 knows.
    await testEnv.DB.prepare("UPDATE runs SET queued_at = 1, finished_at = 2 WHERE workspace_id = ?")
      .bind(plane.workspaceId)
      .run();
    await runInDurableObject(plane.dispatcherStub, async (_, state) => {
      const shell = openShell(state, makeDeps(testEnv));
      await waitFor(async () => {
        onAlarm(shell);
        const there = state.storage.sql.exec("SELECT id FROM runs WHERE id = ?", dead[0]).toArray();
        return there.length === 0 ? { ok: true, value: null } : { ok: false, seen: "still there" };
      }, "the end of its retention");
    });
    await waitFor(async () => {
      const response = await plane.call("GET", `/runs/${dead[0]}`);
      await response.body?.cancel();
      return response.status === 404 ? { ok: true, value: null } : { ok: false, seen: String(response.status) };
    }, "its end in D1");
    await plane.expectJson(404, "POST", `/runs/${dead[0]}/requeue`);
    expect(await plane.run(dead[1] ?? "")).toMatchObject({ state: "starting" });
    expect(await count()).toBe(0);
    const row = await testEnv.DB.prepare("SELECT id FROM runs WHERE id = ?").bind(dead[1]).first();
    expect(row).toEqual({ id: dead[1] });
  });

  test("I17 takes no result of an attempt from before its requeue", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const connection = await connect(runner);
    const runId = await plane.trigger();
    const job = await connection.job();
    await connection.accept(job);
    connection.send({ type: "started", runId, attempt: 1 });
    await plane.until(runId, ({ state }) => state === "running", "running");
    await exhaust(plane, runId);
    await connection.close();
    await plane.until(runId, ({ state }) => state === "failed", "the loss");
    await requeue(plane, runId);
    // A change of its priority must not give the lost attempt its place back.
    await plane.expectJson(200, "PATCH", `/runs/${runId}`, { priority: 3 });
    const back = await connect(runner, { epoch: connection.epoch, held: [{ runId, attempt: 1, state: "running" }] });
    expect(back.welcome.kill).toEqual([{ runId, attempt: 1 }]);
    back.send({ type: "exited", runId, attempt: 1, result: success });
    expect(await back.next("stale")).toMatchObject({ runId, attempt: 1 });
    expect(await back.job()).toMatchObject({ runId, attempt: 2 });
  });
});

describe("B8 a requeue", () => {
  test("of a run that is no dead letter, foreign, unknown or malformed is refused", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger();
    expect(await plane.expectJson(409, "POST", `/runs/${runId}/requeue`)).toMatchObject({
      code: "not_dead_letter",
      detail: "The run is no dead letter; it has not ended: it is queued.",
    });
    const stranger = await makePlane();
    await stranger.expectJson(404, "POST", `/runs/${runId}/requeue`);
    await plane.expectJson(404, "POST", `/runs/${runId.slice(0, -4)}0000/requeue`);
    for (const bad of ["run_x", "..%2fx", "%252F", "a%00b", "x".repeat(10_000)]) {
      expect(await plane.expectJson(400, "POST", `/runs/${bad}/requeue`), bad).toMatchObject({ code: "invalid_id" });
    }
    expect(await plane.run(runId)).toMatchObject({ state: "queued", attempt: 0 });
  });
});
