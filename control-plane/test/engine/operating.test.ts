/** Pausing and draining runners, and what is told of their machines. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { MachineFacts, MachineMetrics, Runner, RunnerDetail, RunnerMessage } from "@cronium/protocol";
import { afterEach, describe, test } from "vitest";
import { makeDeps, type Env } from "../../src/deps.ts";
import { onAlarm } from "../../src/objects/dispatcher/alarm.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { closeAll, connect, registerFake, type FakeRunner } from "./fake-runner.ts";
import { makePlane, waitFor, type Plane } from "./plane.ts";

afterEach(closeAll);

const facts: MachineFacts = {
  kernel: "Linux 6.12.0",
  engine: { name: "Docker Engine", version: "27.1", api: "1.46", containerd: "1.7", cgroup: "2", rootless: false },
  interpreters: { python: "3.13.5", node: null, bash: "5.2.37" },
  process: false,
  disks: { data: { path: "/data", sizeMb: 1_000 }, engine: null },
};
const metrics: MachineMetrics = {
  load: [0.5, 0.4, 0.3],
  memoryUsedMb: 512,
  diskFreeMb: { data: 400, engine: null },
  slotsUsed: 1,
  jobsMemoryMb: 256,
  memoryBudgetMb: null,
  waiting: [{ runtime: "python", memoryMb: 512, cpus: 2, count: 2 }],
};

const show = (plane: Plane, { runnerId }: FakeRunner): Promise<RunnerDetail> =>
  plane.expectJson<RunnerDetail>(200, "GET", `/runners/${runnerId}`);
const change = (plane: Plane, { runnerId }: FakeRunner, verb: string, body?: unknown): Promise<Runner> =>
  plane.expectJson<Runner>(200, "POST", `/runners/${runnerId}/${verb}`, body);

/** Lets the Dispatcher's clock stand this far in the future for one alarm. */
async function alarmIn(plane: Plane, ms: number): Promise<void> {
  await runInDurableObject(plane.dispatcherStub, (_instance, state) => {
    const deps = makeDeps(env as unknown as Env);
    onAlarm(openShell(state, { ...deps, clock: { now: () => Date.now() + ms } }));
  });
  await evictDurableObject(plane.dispatcherStub);
}

describe("a runner that a person has paused", () => {
  test("gets no offers, says why to runs that wait, finishes what it has, and goes on when it is resumed", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { name: "shed" });
    const connection = await connect(runner, { slots: 4 });
    const running = await plane.trigger();
    await connection.accept(await connection.job());

    expect(await change(plane, runner, "pause", { note: "new disks" })).toMatchObject({
      state: "paused",
      paused: { by: "person", note: "new disks", until: null, at: expect.stringMatching(/^\d{4}-/) },
    });
    const waiting = await plane.trigger();
    expect(await plane.run(waiting)).toMatchObject({
      state: "queued",
      queueReason: "runner_not_ready",
      message: "shed is paused: new disks",
    });
    await connection.finish({ runId: running, attempt: 1 });
    expect((await plane.run(running)).state).toBe("succeeded");

    await evictDurableObject(plane.dispatcherStub);
    expect((await show(plane, runner)).state).toBe("paused");
    expect(await change(plane, runner, "resume")).toMatchObject({ state: "online", paused: null });
    expect((await connection.job()).runId).toBe(waiting);
    expect(await change(plane, runner, "resume")).toMatchObject({ paused: null });
  });

  test("goes on by itself when the time is over, and the audit has both", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { name: "shed" });
    const { paused } = await change(plane, runner, "pause", { forSeconds: 60 });
    expect(Date.parse(paused?.until ?? "") - Date.parse(paused?.at ?? "")).toBe(60_000);
    expect(await show(plane, runner)).toMatchObject({ state: "offline", paused: { by: "person" } });

    await alarmIn(plane, 30_000);
    expect((await show(plane, runner)).paused).not.toBeNull();
    await alarmIn(plane, 60_001);
    expect((await show(plane, runner)).paused).toBeNull();

    const { items } = await plane.expectJson<{ items: { verb: string; actor: { kind: string }; after: unknown }[] }>(
      200,
      "GET",
      `/audit?target=${runner.runnerId}`,
    );
    expect(items.slice(0, 2)).toMatchObject([
      { verb: "runner.resumed", actor: { kind: "system" }, before: { until: paused?.until } },
      { verb: "runner.paused", actor: { kind: "api_key" }, after: { note: "" } },
    ]);
  });

  test("holds in a shard that has its connection too", async ({ expect }) => {
    const plane = await makePlane();
    const event = { name: "Hot", kind: "script", runtime: "bash", script: "true", queue: "hot" };
    const { id } = await plane.expectJson<{ id: string }>(201, "POST", "/events", event);
    await plane.expectJson(200, "POST", "/queues/hot/shard", { own: true });
    const runner = await registerFake(plane, { name: "shed" });
    const home = await connect(runner);
    const own = await connect(runner, { shard: 1, epoch: home.epoch });
    await change(plane, runner, "pause", { note: "" });

    const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", `/events/${id}/runs`, {});
    expect(await plane.run(runId)).toMatchObject({ state: "queued", message: "shed is paused." });
    await change(plane, runner, "resume");
    expect((await own.job()).runId).toBe(runId);
    await own.accept({ runId, attempt: 1 });
    expect((await show(plane, runner)).jobs).toMatchObject([{ runId, eventName: "Hot", attempt: 1 }]);
  });

  test("is refused with a reason: unknown, revoked, for too long", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    await plane.expectJson(422, "POST", `/runners/${runner.runnerId}/pause`, { forSeconds: 59 });
    await plane.expectJson(404, "POST", "/runners/rnr_00000000000000000000000000/pause", {});
    await plane.expectJson(404, "GET", "/runners/rnr_00000000000000000000000000");
    await plane.expectJson(400, "GET", "/runners/shed");
    expect((await plane.call("DELETE", `/runners/${runner.runnerId}`)).status).toBe(204);
    await plane.expectJson(403, "POST", `/runners/${runner.runnerId}/pause`, {});
    expect((await show(plane, runner)).state).toBe("disabled");
  });
});

describe("a runner that is paused at its machine", () => {
  test("is shown as paused, by what it says, until it says otherwise", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { name: "shed" });
    const connection = await connect(runner);
    const said: RunnerMessage = { type: "status", notReady: [], draining: false, latencyMs: null };
    connection.send({ ...said, paused: true });
    await waitFor(async () => {
      const { state } = await show(plane, runner);
      return state === "paused" ? { ok: true, value: null } : { ok: false, seen: state };
    }, "the runner to be paused");
    expect((await show(plane, runner)).paused).toMatchObject({ by: "machine" });
    const runId = await plane.trigger();
    expect((await plane.run(runId)).message).toBe(
      "shed is paused at its machine; cronium-runner resume there ends it.",
    );
    // Nobody at the control plane can end what the machine's owner began.
    expect((await change(plane, runner, "resume")).state).toBe("paused");

    connection.send(said);
    expect((await connection.job()).runId).toBe(runId);
  });

  test("declining an offer that crossed its word makes it no draining one", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const connection = await connect(runner);
    const runId = await plane.trigger();
    await connection.job();
    connection.send({ type: "status", notReady: [], draining: false, latencyMs: null, paused: true });
    connection.send({ type: "decline", runId, attempt: 1, reason: "draining", message: null });
    await plane.until(runId, ({ queueReason }) => queueReason === "runner_not_ready", "the run to wait again");
    expect((await show(plane, runner)).state).toBe("paused");
  });
});

test("a runner that is told to drain gets no offers; one that is away is not told", async ({ expect }) => {
  const plane = await makePlane();
  const runner = await registerFake(plane, { name: "shed" });
  const refused = await plane.expectJson<{ code: string }>(409, "POST", `/runners/${runner.runnerId}/drain`);
  expect(refused.code).toBe("runner_offline");
  const connection = await connect(runner);
  expect((await change(plane, runner, "drain", { note: "moves out" })).state).toBe("draining");
  await connection.next("drain");
  const runId = await plane.trigger();
  expect((await plane.run(runId)).message).toBe("shed is draining and takes no new work.");
});

describe("what is told of a machine", () => {
  test("facts come with the connection, metrics when somebody looks, and both stay when it is gone", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    expect(await show(plane, runner)).toMatchObject({ facts: null, metrics: null, jobs: [] });
    const connection = await connect(runner, { facts });
    const looked = show(plane, runner);
    await connection.next("measure");
    connection.send({ type: "metrics", metrics });
    expect(await looked).toMatchObject({ facts, metrics: { ...metrics, at: expect.stringMatching(/^\d{4}-/) } });

    const later = { ...metrics, memoryUsedMb: 600 };
    connection.send({ type: "status", notReady: [], draining: false, latencyMs: 1, metrics: later });
    await waitFor(async () => {
      const seen = (await show(plane, runner)).metrics?.memoryUsedMb;
      return seen === 600 ? { ok: true, value: null } : { ok: false, seen: String(seen) };
    }, "the metrics of the status");
    await connection.close();
    await evictDurableObject(plane.dispatcherStub);
    expect(await show(plane, runner)).toMatchObject({ state: "offline", facts, metrics: later });
  });

  test("who looks at one that does not answer is shown what is known, and one of protocol 1 is not asked", async ({
    expect,
  }) => {
    const plane = await makePlane();
    const silent = await registerFake(plane);
    await connect(silent, { facts });
    expect(await show(plane, silent)).toMatchObject({ state: "online", facts, metrics: null });
    const old = await registerFake(plane);
    const connection = await connect(old, { protocol: 1 });
    expect(await show(plane, old)).toMatchObject({ facts: null, metrics: null });
    await change(plane, silent, "pause");
    await plane.trigger();
    const first = await connection.inbox.json<{ type: string }>(() => true, "a frame behind the welcome");
    expect(first.type).toBe("jobs");
  });
});
