import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import {
  containersOf,
  type DockerFixture,
  nothingLeft,
  startDockerFixture,
  stopDockerFixture,
} from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { isAlive, RunnerProcess } from "./runner-process.ts";
import { until } from "./until.ts";

let fixture: DockerFixture;
let plane: FakePlane;

beforeAll(async () => {
  fixture = await startDockerFixture();
  plane = fixture.plane;
});
afterAll(() => stopDockerFixture(fixture));
afterEach(() => nothingLeft(fixture));

describe("a connection that breaks", () => {
  test("F3 in the middle of a job costs neither a line nor the result", async ({ expect }) => {
    const job = plane.job("for i in $(seq 1 40); do echo $i; sleep 0.05; done; cronium_output '\"ok\"'");

    plane.offer(job);
    await until("it prints", () => plane.logText(job).length > 0);
    plane.cut();
    const result = await plane.finished(job);

    expect(result).toMatchObject({ outcome: "succeeded", output: "ok" });
    expect(plane.logText(job)).toBe(`${Array.from({ length: 40 }, (_value, index) => index + 1).join("\n")}\n`);
    expect(plane.of("hello").at(-1)?.held).toMatchObject([{ runId: job.runId, state: "running" }]);
    expect(plane.of("hello").at(-1)?.epoch).toBe(plane.of("hello")[0]?.epoch);
  });

  test("F8 before the acknowledgement makes the result come again until it is acknowledged", async ({ expect }) => {
    const job = plane.job("cronium_output 42");
    plane.levers.ack = false;

    plane.offer(job);
    await plane.finished(job);
    plane.cut();
    await until("the result comes again", () => plane.exited(job).length >= 2 && plane.done(job).length >= 2);
    plane.cut();
    plane.levers.ack = true;
    await until("and again", () => plane.exited(job).length >= 3);

    expect(new Set(plane.exited(job).map(({ result }) => JSON.stringify(result))).size).toBe(1);
    expect(plane.of("hello").at(-1)?.held).toMatchObject([{ runId: job.runId, state: "exited" }]);
  });

  test("F7 before the grant makes the runner ask again, and the job start once", async ({ expect }) => {
    const job = plane.job("echo once");
    plane.levers.grant = false;

    plane.offer(job);
    await until("it is accepted", () => plane.of("accept").some(({ jobs }) => jobs[0]?.runId === job.runId));
    plane.levers.grant = true;
    plane.cut();

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded" });
    expect(plane.logText(job)).toBe("once\n");
  });

  test("without an answer to pings is given up and dialled again", async ({ expect }) => {
    const hellos = plane.of("hello").length;

    plane.levers.pong = false;
    await until("it comes back", () => plane.of("hello").length > hellos, 30_000);
    plane.levers.pong = true;

    expect(fixture.runner.events("control.silent").length).toBeGreaterThan(0);
  });
});

describe("a process that dies", () => {
  test("F32 the sidecar: the job goes on, and its output is stored", async ({ expect }) => {
    const job = plane.job(
      'echo ready; until [ -e /workspace/go ]; do sleep 0.1; [ $((++n)) -gt 20 ] && break; done; cronium_output "$(cronium_input)"',
      { input: "late" },
    );

    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    const before = fixture.runner.sidecarPid();
    process.kill(before, "SIGKILL");
    const result = await plane.finished(job);

    expect(result).toMatchObject({ outcome: "succeeded", output: "late" });
    expect(fixture.runner.sidecarPid()).not.toBe(before);
  });

  test("F1 the runner, by kill -9: its container goes when it returns, and the attempt is reported as lost", async ({
    expect,
  }) => {
    const job = plane.job("echo ready; sleep 300");
    const { runner } = fixture;

    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    const sidecar = runner.sidecarPid();
    runner.signal("SIGKILL");
    await runner.exited();
    await until("its sidecar goes with it", () => !isAlive(sidecar));
    expect(await containersOf(fixture)).toHaveLength(1);
    const hellos = plane.of("hello").length;
    runner.start();
    await until("it is back", () => plane.of("hello").length > hellos);

    const hello = plane.of("hello").at(-1);
    expect(hello?.held).toEqual([{ runId: job.runId, attempt: 1, state: "lost" }]);
    expect(hello?.epoch).not.toBe(plane.of("hello")[0]?.epoch);
    expect(await containersOf(fixture)).toEqual([]);
  });

  test("F8 the runner, between the result and its acknowledgement: the next process delivers it", async ({
    expect,
  }) => {
    const job = plane.job("echo said; cronium_output '[1,2]'");
    const { runner } = fixture;
    plane.levers.ack = false;

    plane.offer(job);
    await plane.finished(job);
    runner.signal("SIGKILL");
    await runner.exited();
    plane.levers.ack = true;
    const count = plane.exited(job).length;
    runner.start();
    await until("the result comes again", () => plane.exited(job).length > count && plane.done(job).length > 1);

    expect(plane.exited(job).at(-1)?.result).toMatchObject({ outcome: "succeeded", output: [1, 2] });
    expect(plane.of("hello").at(-1)?.held).toEqual([{ runId: job.runId, attempt: 1, state: "exited" }]);
  });

  test("a second runner on this machine touches nothing of the first", async ({ expect }) => {
    const job = plane.job("echo ready; sleep 300");
    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");

    const other = await startDockerFixture();
    const left = await containersOf(fixture);
    await stopDockerFixture(other);
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 0 });
    await plane.finished(job);

    expect(left).toHaveLength(1);
  });

  test("a second process on the same folder is turned away", async ({ expect }) => {
    const second = new RunnerProcess(["--data-dir", fixture.runner.dataDir]);
    // The later --data-dir wins, so this one uses the first runner's folder.
    Object.defineProperty(second, "dataDir", { value: fixture.runner.dataDir });

    second.start();

    expect(await second.exited()).toBe(4);
    expect(second.output).toContain(`Another runner (process ${fixture.runner.pid})`);
  });
});
