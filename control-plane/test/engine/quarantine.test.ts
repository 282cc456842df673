import type { JobResult, Runner } from "@cronium/protocol";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake, success, type Connection, type FakeRunner } from "./fake-runner.ts";
import { makePlane, ORIGIN, type Plane } from "./plane.ts";

afterEach(closeAll);

const cannotStart: Partial<JobResult> = {
  outcome: "failed",
  failReason: "start_failed",
  message: "No space left on device.",
  exitCode: null,
  durationMs: null,
};

interface Shed {
  readonly plane: Plane;
  readonly runner: FakeRunner;
  readonly connection: Connection;
}

/** A single runner, named shed, with room for what these tests ask of it. */
async function makeShed(): Promise<Shed> {
  const plane = await makePlane();
  const runner = await registerFake(plane, { name: "shed" });
  return { plane, runner, connection: await connect(runner, { slots: 8 }) };
}

/** Triggers runs and lets each fail at its start. They are retried later, if at all. */
async function failAtStart({ plane, connection }: Shed, count: number): Promise<string[]> {
  const failed: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const runId = await plane.trigger();
    await connection.next("jobs", ({ jobs }) => jobs.some((job) => job.runId === runId));
    await connection.accept({ runId, attempt: 1 });
    await connection.finish({ runId, attempt: 1 }, cannotStart);
    // Its retry would come between.
    await plane.expectJson(202, "POST", `/runs/${runId}/cancel`);
    failed.push(runId);
  }
  return failed;
}

const view = async (plane: Plane, runnerId: string): Promise<Runner | undefined> =>
  (await plane.expectJson<{ items: Runner[] }>(200, "GET", "/runners")).items.find(({ id }) => id === runnerId);

describe("a runner that fails five different runs at their start", () => {
  test("is held back with a reason, until a person releases it", async ({ expect }) => {
    const shed = await makeShed();
    const { plane, runner, connection } = shed;
    await failAtStart(shed, 4);
    expect(await view(plane, runner.runnerId)).toMatchObject({ state: "online", quarantine: null });
    await failAtStart(shed, 1);
    const why = "shed failed to start 5 different runs in a row. Last: No space left on device.";
    expect(await view(plane, runner.runnerId)).toMatchObject({
      state: "quarantined",
      quarantine: { message: why, at: expect.stringMatching(/^\d{4}-/) },
    });
    const runId = await plane.trigger();
    expect(await plane.run(runId)).toMatchObject({
      state: "queued",
      queueReason: "runner_not_ready",
      message: `shed is quarantined: ${why} Look at the machine and release it on the Runners page.`,
    });
    expect(await plane.expectJson(200, "POST", `/runners/${runner.runnerId}/release`)).toMatchObject({
      id: runner.runnerId,
      state: "online",
      quarantine: null,
    });
    expect((await connection.job()).runId).toBe(runId);
  });

  test("stays held back over a restart of the control plane, and over its own", async ({ expect }) => {
    const shed = await makeShed();
    const { plane, runner, connection } = shed;
    await failAtStart(shed, 3);
    await evictDurableObject(plane.dispatcherStub);
    await failAtStart(shed, 2);
    await evictDurableObject(plane.dispatcherStub);
    expect((await view(plane, runner.runnerId))?.state).toBe("quarantined");
    await connection.close();
    expect(await view(plane, runner.runnerId)).toMatchObject({ state: "offline", quarantine: {} });
    await connect(runner, { slots: 8 });
    expect((await view(plane, runner.runnerId))?.state).toBe("quarantined");
    expect((await plane.run(await plane.trigger())).queueReason).toBe("runner_not_ready");
  });

  test("leaves the work to others, and finishes what it has", async ({ expect }) => {
    const shed = await makeShed();
    const { plane, connection } = shed;
    const running = await plane.trigger();
    await connection.accept(await connection.job());
    await failAtStart(shed, 5);
    const healthy = await connect(await registerFake(plane));
    const next = await plane.trigger();
    expect((await healthy.job()).runId).toBe(next);
    await connection.finish({ runId: running, attempt: 1 });
    expect((await plane.run(running)).state).toBe("succeeded");
  });

  test("is seen by a scraper", async ({ expect }) => {
    const shed = await makeShed();
    await failAtStart(shed, 5);
    const response = await exports.default.fetch(
      new Request(`${ORIGIN}/metrics`, { headers: { authorization: `Bearer ${shed.plane.apiKey}` } }),
    );
    const text = await response.text();
    expect(text).toMatch(/^cronium_runners_quarantined\{workspace="[^"]+"\} 1$/m);
    expect(text).toMatch(/^cronium_quarantines_total\{workspace="[^"]+"\} 1$/m);
  });
});

describe("a runner that starts a script between failures", () => {
  test("is not held back", async ({ expect }) => {
    const shed = await makeShed();
    const { plane, runner, connection } = shed;
    await failAtStart(shed, 4);
    const runId = await plane.trigger();
    await connection.next("jobs", ({ jobs }) => jobs.some((job) => job.runId === runId));
    await connection.accept({ runId, attempt: 1 });
    connection.send({ type: "started", runId, attempt: 1 });
    connection.send({ type: "exited", runId, attempt: 1, result: success });
    connection.send({ type: "done", jobs: [{ runId, attempt: 1, logBytes: 0, logState: "complete" }] });
    await plane.until(runId, ({ state }) => state === "succeeded", "success");
    await failAtStart(shed, 4);
    expect((await view(plane, runner.runnerId))?.state).toBe("online");
    await failAtStart(shed, 1);
    expect((await view(plane, runner.runnerId))?.state).toBe("quarantined");
  });
});

test("F35 a run that starts nowhere becomes a dead letter by its own budget, and no runner is quarantined", async ({
  expect,
}) => {
  const plane = await makePlane();
  const poison = await plane.trigger({ maxAttempts: 20 });
  const runners: FakeRunner[] = [];
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    // Each attempt meets a machine of its own, and the third and fourth kill it.
    const runner = await registerFake(plane, { name: `machine-${attempt}` });
    runners.push(runner);
    const connection = await connect(runner, { slots: 8 });
    // The wait before a retry is over.
    await runInDurableObject(plane.dispatcherStub, (_, { storage }) =>
      storage.sql.exec("UPDATE runs SET not_before = 1"),
    );
    await runDurableObjectAlarm(plane.dispatcherStub);
    await plane.until(poison, (run) => run.attempts.at(-1)?.runnerId === runner.runnerId, `attempt ${attempt}`);
    await connection.accept({ runId: poison, attempt });
    if (attempt < 3) {
      await connection.finish({ runId: poison, attempt }, cannotStart);
    } else {
      connection.send({ type: "started", runId: poison, attempt });
    }
    await connection.close();
    await plane.until(poison, (run) => run.attempts.at(-1)?.finishedAt !== null, `the end of attempt ${attempt}`);
  }
  expect(await plane.run(poison)).toMatchObject({ state: "failed", failReason: "retries_exhausted", attempt: 4 });
  for (const runner of runners) {
    expect(await view(plane, runner.runnerId)).toMatchObject({ quarantine: null });
  }
  const healthy = await connect(runners[0] as FakeRunner);
  const next = await plane.trigger();
  expect((await healthy.job()).runId).toBe(next);
});

describe("releasing", () => {
  test("a runner that is not held back changes nothing", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const before = await view(plane, runner.runnerId);
    expect(await plane.expectJson(200, "POST", `/runners/${runner.runnerId}/release`)).toEqual(before);
  });

  test("refuses ids that are malformed, foreign or revoked", async ({ expect }) => {
    const plane = await makePlane();
    const foreign = await registerFake(await makePlane());
    const revoked = await registerFake(plane);
    await plane.call("DELETE", `/runners/${revoked.runnerId}`);
    const release = async (id: string, body?: unknown) => {
      const response = await plane.call("POST", `/runners/${id}/release`, body);
      return `${response.status} ${(await response.json<{ code: string }>()).code}`;
    };
    expect(await release("rnr_1")).toBe("400 invalid_id");
    expect(await release(foreign.runnerId)).toBe("404 not_found");
    expect(await release(revoked.runnerId)).toBe("403 runner_revoked");
  });
});
