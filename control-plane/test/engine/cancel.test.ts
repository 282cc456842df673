import { afterEach, describe, test } from "vitest";
import { closeAll, connect, registerFake, success } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";

afterEach(closeAll);

const cancelled = { ...success, outcome: "cancelled", exitCode: 143 } as const;

async function cancel(plane: Plane, runId: string): Promise<string> {
  return (await plane.expectJson<{ state: string }>(202, "POST", `/runs/${runId}/cancel`)).state;
}

describe("F26 cancel", () => {
  test("while queued it ends the run at once, and again says the same", async ({ expect }) => {
    const plane = await makePlane();
    const runId = await plane.trigger();
    expect(await cancel(plane, runId)).toBe("cancelled");
    expect(await cancel(plane, runId)).toBe("cancelled");
    expect(await plane.run(runId)).toMatchObject({ state: "cancelled", cancelReason: "user" });
    await connect(await registerFake(plane));
    expect((await plane.run(runId)).attempt).toBe(0);
  });

  test("I11 while offered it refuses the accept", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await connection.job();
    expect(await cancel(plane, runId)).toBe("cancelled");
    connection.send({ type: "accept", jobs: [{ runId, attempt: 1 }] });
    expect(await connection.next("refused")).toMatchObject({ code: "already_final" });
  });

  test("while accepted or running it tells the runner and waits for it", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    for (const isStarted of [false, true]) {
      const runId = await plane.trigger();
      await connection.accept(await connection.job());
      if (isStarted) {
        connection.send({ type: "started", runId, attempt: 1 });
        await plane.until(runId, (run) => run.state === "running", "running");
      }
      expect(await cancel(plane, runId)).toBe("cancelling");
      expect(await connection.next("cancel")).toEqual({
        type: "cancel",
        runId,
        attempt: 1,
        reason: "user",
        graceMs: 10_000,
      });
      expect(await cancel(plane, runId)).toBe("cancelling");
      await connection.finish({ runId, attempt: 1 }, cancelled);
      expect(await plane.run(runId)).toMatchObject({ state: "cancelled", cancelReason: "user" });
    }
  });

  test("after the exit the result wins", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await connection.accept(await connection.job());
    connection.send({ type: "exited", runId, attempt: 1, result: success });
    await connection.next("ack");
    expect(await cancel(plane, runId)).toBe("cancelling");
    connection.send({ type: "done", jobs: [{ runId, attempt: 1, logBytes: 0, logState: "complete" }] });
    await connection.next("ack");
    expect(await plane.run(runId)).toMatchObject({ state: "succeeded", cancelReason: null });
    const late = await plane.call("POST", `/runs/${runId}/cancel`);
    expect(late.status).toBe(409);
    expect(await late.json()).toMatchObject({ code: "already_final" });
  });

  test("F27 while the runner is cut off it is confirmed on return", async ({ expect }) => {
    const plane = await makePlane();
    const runner = await registerFake(plane);
    const first = await connect(runner);
    const runId = await plane.trigger();
    await first.accept(await first.job());
    first.send({ type: "started", runId, attempt: 1 });
    await plane.until(runId, (run) => run.state === "running", "running");
    await first.close();
    expect(await cancel(plane, runId)).toBe("cancelling");
    const back = await connect(runner, { epoch: first.epoch, held: [{ runId, attempt: 1, state: "running" }] });
    expect(back.welcome.adopt).toEqual([{ runId, attempt: 1 }]);
    expect(await back.next("cancel")).toMatchObject({ runId });
    await back.finish({ runId, attempt: 1 }, cancelled);
    expect((await plane.run(runId)).state).toBe("cancelled");
  });

  test("F27 a runner that does not return leaves it unconfirmed when its lease ends", async ({ expect }) => {
    const plane = await makePlane();
    const connection = await connect(await registerFake(plane));
    const runId = await plane.trigger();
    await connection.accept(await connection.job());
    await connection.close();
    expect(await cancel(plane, runId)).toBe("cancelling");
    const run = await plane.until(runId, ({ state }) => state === "cancelled", "the end of the lease");
    expect(run.message).toMatch(/^Unconfirmed/);
  });

  test("an unknown run is not found", async ({ expect }) => {
    const plane = await makePlane();
    const other = await makePlane();
    const foreign = await other.trigger();
    expect((await plane.call("POST", `/runs/${foreign}/cancel`)).status).toBe(404);
    expect((await plane.call("POST", "/runs/run_x/cancel")).status).toBe(400);
  });
});
