import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, link, newEpoch, registerFake, success } from "./fake-runner.ts";
import { makePlane, waitFor } from "./plane.ts";
import { startWorking } from "./working.ts";

afterEach(closeAll);

describe("F1 a runner that dies", () => {
  test("loses its attempt when the lease ends, and the next one gets another number", async ({ expect }) => {
    const { plane, connection, runId } = await startWorking();
    await connection.close();
    expect((await plane.dispatcher.listRunners())[0]?.state).toBe("offline");
    const queued = await plane.until(runId, (run) => run.state === "queued", "the loss");
    expect(queued).toMatchObject({
      queueReason: "retry_backoff",
      attempts: [{ state: "lost", failReason: "runner_lost" }],
    });
    const other = await connect(await registerFake(plane));
    expect(await other.job()).toMatchObject({ runId, attempt: 2 });
  });

  test("is unreachable when it falls silent, and its jobs keep their lease until it ends", async ({ expect }) => {
    const { plane, connection, runId } = await startWorking();
    connection.silence();
    await waitFor(async () => {
      const seen = (await plane.dispatcher.listRunners())[0]?.state ?? "none";
      return seen === "unreachable" ? { ok: true, value: seen } : { ok: false, seen };
    }, "unreachable");
    expect((await plane.run(runId)).state).toBe("running");
    await plane.until(runId, (run) => run.state === "queued", "the loss");
  });

  test("with onLost fail fails the run", async ({ expect }) => {
    const { plane, connection, runId } = await startWorking({ onLost: "fail", maxAttempts: 1 });
    await connection.close();
    const run = await plane.until(runId, ({ state }) => state === "failed", "the loss");
    expect(run).toMatchObject({ failReason: "runner_lost", exitCode: null });
    expect(run.message).toContain("shed");
  });

  test("with onLost wait leaves the run waiting until it returns", async ({ expect }) => {
    const { plane, runner, connection, runId } = await startWorking({ onLost: "wait" });
    await connection.close();
    await plane.until(runId, (run) => run.state === "waiting", "waiting");
    const back = await connect(runner, { held: [{ runId, attempt: 1, state: "running" }] });
    expect(back.welcome.adopt).toEqual([{ runId, attempt: 1 }]);
    await back.finish({ runId, attempt: 1 });
    expect((await plane.run(runId)).state).toBe("succeeded");
  });

  test("with onLost wait fails the run when it returns without the job", async ({ expect }) => {
    const { plane, runner, connection, runId } = await startWorking({ onLost: "wait" });
    await connection.close();
    await plane.until(runId, (run) => run.state === "waiting", "waiting");
    await connect(runner);
    expect(await plane.run(runId)).toMatchObject({ state: "failed", failReason: "runner_lost" });
  });
});

describe("pings", () => {
  test("keep a lease alive for as long as they come", async ({ expect }) => {
    const { plane, connection, runId } = await startWorking();
    const leaseEnd = Date.now() + 2 * connection.welcome.leaseMs;
    await waitFor(
      () => (Date.now() > leaseEnd ? { ok: true, value: null } : { ok: false, seen: "still within the second lease" }),
      "two leases",
    );
    expect((await plane.run(runId)).state).toBe("running");
    expect((await plane.dispatcher.listRunners())[0]?.state).toBe("online");
  });
});

describe("a runner that comes back", () => {
  test("as the same process goes on with what it holds", async ({ expect }) => {
    const { plane, runner, connection, runId } = await startWorking();
    await connection.close();
    const back = await connect(runner, { epoch: connection.epoch, held: [{ runId, attempt: 1, state: "running" }] });
    expect(back.welcome).toMatchObject({ adopt: [{ runId, attempt: 1 }], kill: [] });
    await back.finish({ runId, attempt: 1 });
    expect((await plane.run(runId)).attempts).toHaveLength(1);
  });

  test("as a new process that swept the container loses the attempt at once", async ({ expect }) => {
    const { plane, runner, connection, runId } = await startWorking();
    await connection.close();
    const back = await connect(runner, { held: [{ runId, attempt: 1, state: "lost" }] });
    expect(back.welcome.kill).toEqual([{ runId, attempt: 1 }]);
    expect((await plane.run(runId)).attempts[0]?.state).toBe("lost");
  });

  test("without any trace of the job loses the attempt at once", async ({ expect }) => {
    const { plane, runner, connection, runId } = await startWorking();
    await connection.close();
    await connect(runner);
    expect((await plane.run(runId)).attempts[0]?.state).toBe("lost");
  });

  test("F8 with a result in its journal delivers it, once", async ({ expect }) => {
    const { plane, runner, connection, runId } = await startWorking();
    connection.send({ type: "exited", runId, attempt: 1, result: success });
    await connection.next("ack");
    await connection.close();
    const back = await connect(runner, { held: [{ runId, attempt: 1, state: "exited" }] });
    expect(back.welcome.adopt).toEqual([{ runId, attempt: 1 }]);
    await back.finish({ runId, attempt: 1 });
    await back.finish({ runId, attempt: 1 });
    expect(await plane.run(runId)).toMatchObject({ state: "succeeded", attempt: 1 });
  });

  test("F2 with an attempt that a newer one replaced is told to kill it, and its result changes nothing", async ({
    expect,
  }) => {
    const { plane, runner, connection, runId } = await startWorking();
    await connection.close();
    await plane.until(runId, (run) => run.state === "queued", "the loss");
    const other = await connect(await registerFake(plane));
    await other.accept(await other.job());
    const back = await connect(runner, { epoch: connection.epoch, held: [{ runId, attempt: 1, state: "running" }] });
    expect(back.welcome.kill).toEqual([{ runId, attempt: 1 }]);
    const before = await plane.run(runId);
    back.send({ type: "exited", runId, attempt: 1, result: success });
    expect(await back.next("stale")).toMatchObject({ attempt: 1 });
    expect(await plane.run(runId)).toEqual(before);
  });

  test("with something that never was is told to kill it", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane), {
      held: [{ runId: "run_unknown", attempt: 1, state: "running" }],
    });
    expect(connection.welcome.kill).toEqual([{ runId: "run_unknown", attempt: 1 }]);
  });
});

/** A session ends with the instance; `polling.test.ts` tells what happens then. */
const polls = link.transport === "polling";

describe("the Dispatcher", () => {
  test.skipIf(polls)("sleeps and wakes without its runner noticing", async ({ expect }) => {
    const { plane, connection, runId } = await startWorking();
    await evictDurableObject(plane.dispatcherStub);
    await connection.finish({ runId, attempt: 1 });
    expect((await plane.run(runId)).state).toBe("succeeded");
    const next = await plane.trigger();
    expect((await connection.job()).runId).toBe(next);
  });

  test.skipIf(polls)(
    "that was killed gives every live lease a full length, and the runner goes on",
    async ({ expect }) => {
      const { plane, runner, connection, runId } = await startWorking();
      connection.silence();
      // As after an outage: the pings since the last tick are forgotten, and the stored end of the lease has passed.
      await runInDurableObject(plane.dispatcherStub, (_, { storage }) => {
        storage.sql.exec("UPDATE attempts SET deadline_at = 1");
      });
      await evictDurableObject(plane.dispatcherStub, { webSockets: "close" });
      const startedAt = Date.now();
      expect((await plane.run(runId)).state).toBe("running");
      const deadline = await runInDurableObject(
        plane.dispatcherStub,
        (_, { storage }) => storage.sql.exec("SELECT deadline_at FROM attempts").one()["deadline_at"] as number,
      );
      expect(deadline).toBeGreaterThanOrEqual(startedAt + connection.welcome.leaseMs - 50);
      expect((await plane.dispatcher.listRunners())[0]?.state).toBe("offline");
      const back = await connect(runner, { epoch: connection.epoch, held: [{ runId, attempt: 1, state: "running" }] });
      expect(back.welcome.adopt).toHaveLength(1);
      await back.finish({ runId, attempt: 1 });
      expect((await plane.run(runId)).state).toBe("succeeded");
    },
  );

  test("remembers idempotency, events and offers over a restart", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger();
    await evictDurableObject(plane.dispatcherStub);
    expect((await plane.run(runId)).state).toBe("queued");
    const connection = await connect(await registerFake(plane), { epoch: newEpoch() });
    expect((await connection.job()).runId).toBe(runId);
  });
});
