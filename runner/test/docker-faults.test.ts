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

  async function runnerDies(): Promise<void> {
    const { runner } = fixture;
    const sidecar = runner.sidecarPid();
    runner.signal("SIGKILL");
    await runner.exited();
    await until("its sidecar goes with it", () => !isAlive(sidecar));
  }

  async function runnerReturns(): Promise<void> {
    const hellos = plane.of("hello").length;
    fixture.runner.start();
    await until("it is back", () => plane.of("hello").length > hellos);
  }

  test("F1 the runner, by kill -9: the next one goes on with its job, and no byte of the log is lost or doubled", async ({
    expect,
  }) => {
    const job = plane.job(
      [
        "for i in $(seq 1 60); do echo line $i; echo err $i >&2; sleep 0.1; done",
        "printf '\\377\\376\\n\\n'; head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'no newline'",
        'cronium_output "$(cronium_input)"',
      ].join("\n"),
      { input: "kept" },
    );

    plane.offer(job);
    await until("it prints", () => plane.logText(job, "stderr").includes("err 10\n"));
    await runnerDies();
    expect(await containersOf(fixture)).toHaveLength(1);
    await runnerReturns();
    const result = await plane.finished(job);

    const lines = Array.from({ length: 60 }, (_value, index) => index + 1);
    const odd = Buffer.from([0xff, 0xfe, 0x0a, 0x0a]);
    const whole = Buffer.concat([
      Buffer.from(lines.map((n) => `line ${n}\n`).join("")),
      odd,
      Buffer.from(`${"x".repeat(40_000)}\nno newline`),
    ]);
    expect(result).toMatchObject({ outcome: "succeeded", exitCode: 0, output: "kept" });
    expect(plane.logBytes(job, "stdout").equals(whole)).toBe(true);
    expect(plane.logText(job, "stderr")).toBe(lines.map((n) => `err ${n}\n`).join(""));
    expect(plane.log(job).end).toMatchObject({
      gaps: 0,
      totalBytes: whole.length + plane.logBytes(job, "stderr").length,
    });
    const hello = plane.of("hello").at(-1);
    expect(hello?.held).toEqual([{ runId: job.runId, attempt: 1, state: "running" }]);
    expect(hello?.epoch).not.toBe(plane.of("hello")[0]?.epoch);
  });

  test("F1 the runner, while its job ends: the next one reports the real end, with output and log", async ({
    expect,
  }) => {
    const good = plane.job("cronium_output 42; echo ready; sleep 1; echo late; printf end");
    const bad = plane.job("echo ready; sleep 1; echo late >&2; exit 3");

    plane.offer(good, bad);
    await until("both run", () => [good, bad].every((job) => plane.logText(job) === "ready\n"));
    await runnerDies();
    await until("both have ended", async () =>
      (await containersOf(fixture)).every((container) => container.State === "exited"),
    );
    await runnerReturns();

    expect(await plane.finished(good)).toMatchObject({ outcome: "succeeded", output: 42 });
    expect(await plane.finished(bad)).toMatchObject({ outcome: "failed", failReason: "exit_code", exitCode: 3 });
    expect(plane.logText(good)).toBe("ready\nlate\nend");
    expect(plane.logText(bad, "stderr")).toBe("late\n");
    expect(plane.exited(good)[0]?.result.durationMs).toBeGreaterThan(900);
  });

  test("F1 the runner, past the timeout of its job: the next one stops it as timed out", async ({ expect }) => {
    const job = plane.job("echo ready; exec sleep 300", { timeoutMs: 3_000 });

    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    await runnerDies();
    await runnerReturns();

    expect(await plane.finished(job)).toMatchObject({ outcome: "timed_out", failReason: "timeout" });
  });

  test("F1 the runner, for so long that the job went to another: the verdict is kill, and nothing is reported", async ({
    expect,
  }) => {
    const job = plane.job("echo ready; exec sleep 300");

    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    await runnerDies();
    plane.kill = [{ runId: job.runId, attempt: 1 }];
    await runnerReturns();

    await until("its container is gone", async () => (await containersOf(fixture)).length === 0);
    expect(plane.exited(job)).toEqual([]);
  });

  test("F1 the runner, of a job that printed more than Docker keeps: what is missing is declared, and nothing comes twice", async ({
    expect,
  }) => {
    const job = plane.job(
      [
        "seq -f 'early %09.0f' 1 1300000; echo half",
        // Until the runner has gone, until it is back, and until it has looked at what Docker keeps.
        "up() { curl -sf --unix-socket /run/cronium/api.sock http://cronium/health >/dev/null; }",
        "while up; do sleep 0.1; done; until up; do sleep 0.1; done; sleep 8",
        "echo late; cronium_output 1",
      ].join("\n"),
    );

    plane.offer(job);
    await until(
      "half of it is here",
      () => plane.log(job).frames.at(-1)?.bytes.toString().endsWith("half\n") === true,
      60_000,
    );
    const before = plane.logBytes(job).length;
    await runnerDies();
    await runnerReturns();

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded", output: 1 });
    expect(plane.logBytes(job).subarray(before).toString()).toBe("late\n");
    expect(plane.log(job).gaps).toMatchObject([{ reason: "runner_lost" }]);
    expect(plane.done(job)[0]).toMatchObject({ logState: "incomplete" });
  });

  test("F1 the runner, before the job was handed out: the next one hands it out, or it never started", async ({
    expect,
  }) => {
    const job = plane.job("cronium_output 1");

    plane.offer(job);
    await until("its container is started", () => plane.started(job));
    await runnerDies();
    await runnerReturns();

    const result = await plane.finished(job);

    // A bootstrap waits 5 s for its job; on a busy machine the runner may take longer to come back.
    expect([
      { outcome: "succeeded", output: 1, failReason: null },
      { outcome: "failed", output: null, failReason: "start_failed" },
    ]).toContainEqual({ outcome: result.outcome, output: result.output, failReason: result.failReason });
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
