import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { IMAGE_PYTHON } from "../src/packages.ts";
import { until } from "./until.ts";

let fixture: DockerFixture;
let plane: FakePlane;

beforeAll(async () => {
  fixture = await startDockerFixture();
  plane = fixture.plane;
});
afterAll(() => stopDockerFixture(fixture));
afterEach(() => nothingLeft(fixture));

describe("a job that ends by itself", () => {
  test("reports its log, its output and exit code 0", async ({ expect }) => {
    const job = plane.job('echo out; echo err >&2; cronium_output "$(cronium_input)"', { input: { n: 7 } });

    plane.offer(job);
    const result = await plane.finished(job);

    expect(result).toMatchObject({ outcome: "succeeded", failReason: null, exitCode: 0, output: { n: 7 } });
    expect(plane.logText(job, "stdout")).toBe("out\n");
    expect(plane.logText(job, "stderr")).toBe("err\n");
    expect(plane.done(job)[0]).toMatchObject({ logBytes: 8, logState: "complete" });
  });

  test.for([
    ["python", "import cronium\ncronium.output({'got': cronium.input(), 'run': cronium.context()['runId'][:4]})"],
    [
      "node",
      "import { context, input, output } from '@cronium/sdk';\nconst c = await context();\nawait output({ got: await input(), run: c.runId.slice(0, 4) });",
    ],
    [
      "bash",
      `cronium_output "$(jq -nc --argjson got "$(cronium_input)" --arg run "\${CRONIUM_RUN_ID:0:4}" '{got: $got, run: $run}')"`,
    ],
  ] as const)("reads its input and writes its output in %s", async ([runtime, script], { expect }) => {
    const job = plane.job(script, { runtime, input: [1, "two"] });

    plane.offer(job);
    const result = await plane.finished(job);

    expect(plane.logText(job, "stderr")).toBe("");
    expect(result).toMatchObject({ outcome: "succeeded", output: { got: [1, "two"], run: "run_" } });
  });

  test("Python in the image is the one that headers of scripts are held against", async ({ expect }) => {
    const job = plane.job("import sys; print(*sys.version_info[:2], sep='.')", { runtime: "python" });

    plane.offer(job);

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded" });
    expect(plane.logText(job, "stdout")).toBe(`${IMAGE_PYTHON.join(".")}\n`);
  });

  test.for([
    ["python", 'import sys\r\nif True:\r\n    print("read")\r\n'],
    ["node", 'const one = "read";\r\nconsole.log(one);\r\n'],
    ["bash", "if true\r\nthen\r\n  echo read\r\nfi\r\n"],
  ] as const)(
    "B18 runs in %s a script with a byte order mark, line ends of Windows and no first line of #!",
    async ([runtime, script], { expect }) => {
      const job = plane.job(`\ufeff${script}`, { runtime });

      plane.offer(job);

      expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded" });
      expect([plane.logText(job, "stdout"), plane.logText(job, "stderr")]).toEqual(["read\n", ""]);
      expect(plane.logText(job, "system")).toContain("byte order mark");
    },
  );

  test("fails with its exit code when that is not 0", async ({ expect }) => {
    const job = plane.job("exit 3");

    plane.offer(job);

    expect(await plane.finished(job)).toMatchObject({ outcome: "failed", failReason: "exit_code", exitCode: 3 });
  });

  test("F23 tells a signal that the script sent itself from a lack of memory", async ({ expect }) => {
    const job = plane.job("kill -9 $$");

    plane.offer(job);

    expect(await plane.finished(job)).toMatchObject({
      outcome: "failed",
      failReason: "signal",
      signal: "SIGKILL",
      exitCode: 137,
    });
  });

  test("F23 fails with oom when it uses more memory than it may", async ({ expect }) => {
    const job = plane.job("x = bytearray(400 * 1024 * 1024)", { runtime: "python", memoryMb: 64 });

    plane.offer(job);

    expect(await plane.finished(job)).toMatchObject({ outcome: "failed", failReason: "oom", exitCode: 137 });
  });

  test("gets its own environment, and nothing of it is in docker inspect", async ({ expect }) => {
    const job = plane.job("echo $COLOUR $CI; echo $TRACEPARENT; sleep 30", { env: { COLOUR: "it's blue" } });

    plane.offer(job);
    await until("it has printed", () => plane.logText(job).includes("00-"));
    const inspected = await fixture.docker.getContainer(`cronium-${job.runId}-1`).inspect();
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 1_000 });
    await plane.finished(job);

    expect(plane.logText(job)).toMatch(/^it's blue true\n00-[0-9a-f]{32}-[0-9a-f]{16}-01\n$/);
    expect(JSON.stringify(inspected)).not.toContain("COLOUR");
    expect(JSON.stringify(inspected)).not.toContain("CRONIUM_TOKEN");
  });
});

describe("output", () => {
  test("of 10 MB arrives whole and in order", async ({ expect }) => {
    const job = plane.job("import sys\nfor i in range(1_000_000): sys.stdout.write(f'{i:09d}\\n')", {
      runtime: "python",
    });

    plane.offer(job);
    const result = await plane.finished(job);

    expect(result.outcome).toBe("succeeded");
    const bytes = plane.logBytes(job);
    expect(bytes.length).toBe(10_000_000);
    for (let i = 0; i < 1_000_000; i += 9_973) {
      expect(bytes.subarray(i * 10, i * 10 + 10).toString()).toBe(`${String(i).padStart(9, "0")}\n`);
    }
    expect(plane.done(job)[0]).toMatchObject({ logBytes: 10_000_000, logState: "complete" });
  });

  test("that is not UTF-8 arrives byte for byte", async ({ expect }) => {
    const job = plane.job(String.raw`printf '\xff\xfe\x00\xc3\x28\xed\xa0\x80'`);

    plane.offer(job);
    await plane.finished(job);

    expect(plane.logBytes(job).toString("hex")).toBe("fffe00c328eda080");
  });
});

describe("a job that is stopped", () => {
  test("times out after its timeout", async ({ expect }) => {
    const job = plane.job("sleep 60", { timeoutMs: 1_000 });

    plane.offer(job);

    expect(await plane.finished(job)).toMatchObject({ outcome: "timed_out", failReason: "timeout" });
  });

  test("F24 is killed after its grace when it ignores SIGTERM", async ({ expect }) => {
    const job = plane.job("trap '' TERM; echo ready; while true; do sleep 0.1; done");

    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 500 });

    expect(await plane.finished(job)).toMatchObject({ outcome: "cancelled", failReason: null, signal: "SIGKILL" });
  });

  test("F26 is cancelled by SIGTERM, and may use its grace to tidy up", async ({ expect }) => {
    const job = plane.job("trap 'echo tidy; exit 0' TERM; echo ready; while true; do sleep 0.1; done");

    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 10_000 });

    expect(await plane.finished(job)).toMatchObject({ outcome: "cancelled", exitCode: 0 });
    expect(plane.logText(job)).toBe("ready\ntidy\n");
  });

  test("F26 is cancelled before its grant without ever starting", async ({ expect }) => {
    const job = plane.job("echo never");
    plane.levers.grant = false;

    plane.offer(job);
    await until("it is accepted", () => plane.of("accept").some(({ jobs }) => jobs[0]?.runId === job.runId));
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 1_000 });
    const result = await plane.finished(job);
    plane.levers.grant = true;

    expect(result).toMatchObject({ outcome: "cancelled", exitCode: null, durationMs: null });
    expect(plane.started(job)).toBe(false);
  });

  test("I17 leaves nothing and reports nothing when its attempt is stale", async ({ expect }) => {
    const job = plane.job("echo ready; sleep 60");

    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    plane.send({ type: "stale", runId: job.runId, attempt: 1 });
    await nothingLeft(fixture);

    expect(plane.exited(job)).toEqual([]);
  });
});

describe("offers", () => {
  test("F5 that arrive twice start one container", async ({ expect }) => {
    const job = plane.job("echo once");

    plane.offer(job);
    plane.offer(job);
    plane.offer(job, job);
    await plane.finished(job);

    expect(plane.logText(job)).toBe("once\n");
    expect(plane.of("started").filter(({ runId }) => runId === job.runId)).toHaveLength(1);
  });

  test("beyond the capacity are declined as full", async ({ expect }) => {
    const jobs = Array.from({ length: 5 }, () => plane.job("sleep 60"));

    plane.offer(...jobs);
    await until("four run", () => jobs.filter((job) => plane.started(job)).length === 4);
    const declined = plane.of("decline").filter(({ reason }) => reason === "full");
    for (const job of jobs) {
      plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 0 });
    }
    await Promise.all(jobs.slice(0, 4).map((job) => plane.finished(job)));

    expect(declined.map(({ runId }) => runId)).toEqual([jobs[4]?.runId]);
  });

  test("T9 that ask for a mount the local policy does not name are declined with its name", async ({ expect }) => {
    const job = plane.job("true", { mounts: [{ name: "backups", target: "/data" }] });

    plane.offer(job);
    await until("it is declined", () => plane.of("decline").some(({ runId }) => runId === job.runId));

    expect(plane.of("decline").find(({ runId }) => runId === job.runId)).toMatchObject({
      reason: "policy_denied",
      message: expect.stringContaining('"backups"') as string,
    });
  });
});
