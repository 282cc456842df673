import { afterEach, test } from "vitest";
import { closeAll, connect, registerFake } from "./fake-runner.ts";
import { makePlane } from "./plane.ts";

afterEach(closeAll);

test("a triggered event reaches a runner, and its result reaches the one who triggered it", async ({ expect }) => {
  const plane = await makePlane();
  const connection = await connect(await registerFake(plane, { name: "shed" }));
  const event = await plane.expectJson<{ id: string; version: number }>(201, "POST", "/events", {
    name: "Nightly",
    kind: "script",
    runtime: "python",
    script: "print(1)",
  });
  expect(event.version).toBe(1);
  const { runId } = await plane.expectJson<{ runId: string }>(202, "POST", `/events/${event.id}/runs`, {
    input: { n: 1 },
  });
  const job = await connection.job();
  expect(job).toMatchObject({
    runId,
    attempt: 1,
    eventId: event.id,
    eventVersion: 1,
    trigger: "api",
    input: { n: 1 },
    definition: { runtime: "python", script: "print(1)" },
  });
  await connection.accept(job);
  expect((await plane.run(runId)).state).toBe("starting");
  connection.send({ type: "started", runId, attempt: 1 });
  await plane.until(runId, (run) => run.state === "running", "running");
  await connection.finish(job, { output: { ok: true } }, 5);
  expect(await plane.run(runId)).toMatchObject({
    state: "succeeded",
    exitCode: 0,
    output: { ok: true },
    runnerName: "shed",
    logState: "complete",
    logBytes: 5,
    failReason: null,
    message: null,
    attempts: [{ attempt: 1, state: "succeeded" }],
  });
});
