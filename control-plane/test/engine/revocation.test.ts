import { evictDurableObject } from "cloudflare:test";
import { makeId } from "@cronium/protocol/ids";
import { systemStamp } from "../../src/domain/act.ts";
import { afterEach, describe, test } from "vitest";
import { closeAll, connect, dial, platform, registerFake, success } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";
import { startWorking } from "./working.ts";

afterEach(closeAll);

async function revoke(plane: Plane, runnerId: string): Promise<void> {
  const response = await plane.call("DELETE", `/runners/${runnerId}`);
  if (response.status !== 204) {
    throw new Error(`${response.status} ${await response.text()}`);
  }
}

describe("F30 a runner that is revoked mid-job", () => {
  test("is closed at once, and its run is tried again elsewhere without waiting for the lease", async ({ expect }) => {
    const { plane, runner, connection, runId } = await startWorking();
    await revoke(plane, runner.runnerId);
    expect((await connection.inbox.closed).code).toBe(4403);
    expect(await plane.run(runId)).toMatchObject({
      state: "queued",
      queueReason: "retry_backoff",
      attempts: [{ state: "lost", failReason: "runner_lost", message: "shed was revoked while it had the job." }],
    });
    const other = await connect(await registerFake(plane));
    const job = await other.job();
    expect(job).toMatchObject({ runId, attempt: 2 });
    await other.accept(job);
    await other.finish({ runId, attempt: 2 });
    expect((await plane.run(runId)).state).toBe("succeeded");
  });

  test("stays out, also after the control plane has slept", async ({ expect }) => {
    const { plane, runner } = await startWorking();
    await revoke(plane, runner.runnerId);
    await evictDurableObject(plane.dispatcherStub);
    const answer = await dial(runner.runnerId);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: "runner_revoked" });
    expect(await plane.dispatcher.listRunners()).toMatchObject([{ state: "disabled", slotsUsed: 0 }]);
  });

  test.for(["fail", "wait"] as const)("fails its run where the event says %s", async (onLost, { expect }) => {
    const { plane, runner, runId } = await startWorking({ onLost, maxAttempts: 1 });
    await revoke(plane, runner.runnerId);
    expect(await plane.run(runId)).toMatchObject({
      state: "failed",
      failReason: "runner_lost",
      message: "shed was revoked while it had the job.",
    });
  });

  test("ends what waits for it to return", async ({ expect }) => {
    const { plane, runner, connection, runId } = await startWorking({ onLost: "wait" });
    await connection.close();
    await plane.until(runId, (run) => run.state === "waiting", "waiting");
    await revoke(plane, runner.runnerId);
    expect(await plane.run(runId)).toMatchObject({ state: "failed", failReason: "runner_lost" });
  });

  test("gives its offers back", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { name: "shed" });
    const connection = await connect(runner);
    const runId = await plane.trigger();
    await connection.job();
    await revoke(plane, runner.runnerId);
    const run = await plane.run(runId);
    expect(run).toMatchObject({
      state: "queued",
      queueReason: "no_matching_runner",
      attempts: [{ state: "declined" }],
    });
    expect(run.attempts[0]?.message).toBe("shed was revoked before it answered the offer.");
  });

  test("keeps a result that it had delivered", async ({ expect }) => {
    const { plane, runner, connection, runId } = await startWorking();
    connection.send({ type: "exited", runId, attempt: 1, result: success });
    await connection.next("ack");
    await revoke(plane, runner.runnerId);
    expect(await plane.run(runId)).toMatchObject({ state: "succeeded", logState: "incomplete" });
  });

  test("leaves a cancelled run cancelled, and says that its end is not confirmed", async ({ expect }) => {
    const { plane, runner, runId } = await startWorking();
    await plane.dispatcher.cancelRun({ runId, by: systemStamp("test") });
    await revoke(plane, runner.runnerId);
    const run = await plane.run(runId);
    expect(run).toMatchObject({ state: "cancelled", cancelReason: "user" });
    expect(run.message).toMatch(/^Unconfirmed: .*until the runner hears of it\.$/);
  });
});

describe("revoking", () => {
  test("is written down once, in the audit's chain", async ({ expect }) => {
    const plane = await makePlane();
    const { runnerId } = await registerFake(plane, { name: "shed" });
    await revoke(plane, runnerId);
    await revoke(plane, runnerId);
    const { items } = await plane.expectJson<{ items: unknown[] }>(
      200,
      "GET",
      `/audit?target=${runnerId}&verb=runner.revoked`,
    );
    expect(items).toEqual([
      expect.objectContaining({ verb: "runner.revoked", target: runnerId, before: { name: "shed" } }),
    ]);
    expect(await plane.expectJson(200, "GET", "/audit/verify")).toMatchObject({ isIntact: true });
  });

  test("may be repeated, and frees the name", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane, { name: "shed" });
    await revoke(plane, runner.runnerId);
    await revoke(plane, runner.runnerId);
    const next = await connect(await registerFake(plane, { name: "shed" }));
    expect((await plane.dispatcher.listRunners()).map(({ id, state }) => [id === runner.runnerId, state])).toEqual(
      expect.arrayContaining([
        [true, "disabled"],
        [false, "online"],
      ]),
    );
    await plane.trigger();
    expect((await next.job()).attempt).toBe(1);
  });

  test("is not undone by a registration that was on its way", async ({ expect }) => {
    const plane = await makePlane();
    const { runnerId, name } = await registerFake(plane);
    await revoke(plane, runnerId);
    const late = { runnerId, name, labels: {}, version: "0.1.0", platform };
    expect(await plane.dispatcher.registerRunner(late)).toMatchObject({ ok: false, code: "runner_revoked" });
  });

  test("refuses ids that are malformed, unknown, or of another workspace", async ({ expect }) => {
    const plane = await makePlane();
    const foreign = await registerFake(await makePlane());
    const unknown = makeId("runner", Date.now(), crypto.getRandomValues(new Uint8Array(10)));
    const codes = [];
    for (const id of ["rnr_1", "..%2Fx", "rnr_%00", "x".repeat(10_000), unknown, foreign.runnerId]) {
      const response = await plane.call("DELETE", `/runners/${id}`);
      const { code } = await response.json<{ code: string }>();
      codes.push(`${response.status} ${code}`);
    }
    const malformed = Array.from({ length: 4 }, () => "400 invalid_id");
    expect(codes).toEqual([...malformed, "404 not_found", "404 not_found"]);
    expect((await dial(foreign.runnerId)).status).toBe(101);
  });
});
