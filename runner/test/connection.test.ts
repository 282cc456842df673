import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { PROTOCOL_VERSION } from "@cronium/protocol";
import { FakePlane } from "./fake-plane.ts";
import { RunnerProcess } from "./runner-process.ts";
import { until } from "./until.ts";

let plane: FakePlane;
let runner: RunnerProcess;

beforeEach(async () => {
  plane = await FakePlane.start();
  runner = makeRunner();
});
afterEach(async ({ expect }) => {
  await runner.destroy();
  await plane.stop();
  expect(plane.problems).toEqual([]);
});

function makeRunner(...flags: string[]): RunnerProcess {
  return new RunnerProcess([
    "--token",
    plane.token,
    "--name",
    "box",
    "--executor",
    "fake",
    "--capacity",
    "2",
    ...flags,
  ]);
}

async function connect(): Promise<void> {
  const before = runner.events("control.connected").length;
  runner.start();
  await until("it is connected", () => runner.events("control.connected").length > before);
}

function sleeper(ms: number, env: Record<string, string> = {}) {
  return plane.job("sleep", { env: { FAKE_SLEEP_MS: String(ms), ...env } });
}

describe("registering", () => {
  test("T8 sends the public half of a key that stays here, once", async ({ expect }) => {
    await connect();
    runner.signal("SIGTERM");
    expect(await runner.exited()).toBe(0);
    await connect();

    expect(plane.registrations).toHaveLength(1);
    expect(plane.registrations[0]).toMatchObject({ name: "box", protocol: PROTOCOL_VERSION, replace: false });
    const file = join(runner.dataDir, "credential.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toContain(plane.runnerId);
    expect(runner.output).not.toContain("PRIVATE KEY");
    expect(runner.output).not.toContain("crnr_");
  });

  test("needs the file with the token once: later starts do without it", async ({ expect }) => {
    await runner.destroy();
    const folder = mkdtempSync(join(tmpdir(), "cronium-token-"));
    const file = join(folder, "token");
    runner = new RunnerProcess(["--token-file", file, "--name", "box", "--executor", "fake"]);
    runner.start();
    expect(await runner.exited()).toBe(2);
    expect(runner.output).toContain(`The token file ${file} cannot be read`);

    writeFileSync(file, plane.token);
    await connect();
    runner.signal("SIGTERM");
    await runner.exited();
    rmSync(folder, { recursive: true });
    await connect();
    expect(plane.registrations).toHaveLength(1);
  });

  test("a plane that does not answer is named, with exit code 7", async ({ expect }) => {
    const gone = await FakePlane.start();
    const { url, token } = gone;
    await gone.stop();
    await runner.destroy();
    runner = new RunnerProcess(["--token", token, "--executor", "fake"]);
    runner.start();

    expect(await runner.exited()).toBe(7);
    expect(runner.output).toContain(url);
  });
});

describe("T8 a connection that can never work again", () => {
  test.for([
    ["4401", 4401, 77],
    ["4403", 4403, 77],
    ["4409", 4409, 4],
    ["4426", 4426, 5],
  ] as const)("ends with a clear line on close code %s", async ([, close, exit], { expect }) => {
    await connect();
    const job = sleeper(60_000);
    plane.offer(job);
    await until("a job runs", () => plane.started(job));

    plane.closeControl(close, "because");

    expect(await runner.exited()).toBe(exit);
    expect(runner.output.trimEnd().split("\n").slice(-2).join("\n")).not.toContain("{");
    expect(plane.exited(job)).toEqual([]);
  });

  test("F30 ends with 77 when the upgrade is answered as revoked", async ({ expect }) => {
    plane.refuseConnect = { status: 403, body: { code: "runner_revoked", detail: "It was revoked by Ada." } };
    runner.start();

    expect(await runner.exited()).toBe(77);
    expect(runner.output).toContain("It was revoked by Ada.");
  });

  test("T8 a revoked machine that is given a token again is a new runner, with a new key", async ({ expect }) => {
    await connect();
    plane.closeControl(4403, "runner_revoked");
    expect(await runner.exited()).toBe(77);
    const hellos = plane.of("hello").length;

    runner.start();

    await until("it connects", () => plane.of("hello").length > hellos, 30_000);
    const keys = plane.registrations.map(({ publicKey }) => publicKey);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(2);
    expect(plane.problems).toEqual([]);
  });

  test("goes on trying when a proxy answers 403, and when the plane answers 503", async ({ expect }) => {
    plane.refuseConnect = { status: 403, body: { message: "blocked by proxy" } };
    runner.start();
    await until("it was refused", () => runner.output.includes("answered 403"));
    plane.refuseConnect = { status: 503, body: {} };
    await until("it was refused again", () => runner.output.includes("answered 503"));
    plane.refuseConnect = null;

    await until("it connects", () => plane.of("hello").length > 0, 30_000);
    expect(runner.running).toBe(true);
  });
});

describe("frames from a newer control plane", () => {
  test("of an unknown kind change nothing, and broken ones are logged", async ({ expect }) => {
    await connect();
    const job = sleeper(0, { FAKE_OUTPUT: "7" });

    plane.sendText('{"type":"fly","height":3}');
    plane.sendText("not json");
    plane.sendText('{"type":"cancel","runId":7}');
    plane.offer(job);

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded", output: 7 });
    expect(runner.events("control.unreadable").map(({ level }) => level)).toEqual(["debug", "error"]);
    expect(runner.events("control.not_json")).toHaveLength(1);
  });

  test("T9 that name a run like a path are ignored", async ({ expect }) => {
    await connect();
    const job = sleeper(0);

    plane.offer({ ...job, runId: "../../etc" });
    plane.offer(job);
    await plane.finished(job);

    expect(
      plane
        .of("accept")
        .flatMap(({ jobs }) => jobs)
        .map(({ runId }) => runId),
    ).toEqual([job.runId]);
    expect(runner.events("run.bad_id")).toHaveLength(1);
  });
});

describe("the fake executor", () => {
  test.for([
    [{ FAKE_EXIT: "3" }, { outcome: "failed", failReason: "exit_code", exitCode: 3 }],
    [{ FAKE_OOM: "1" }, { outcome: "failed", failReason: "oom", exitCode: 137 }],
    [{ FAKE_START_FAIL: "1" }, { outcome: "failed", failReason: "start_failed", exitCode: null }],
    [{ FAKE_OUTPUT: '{"a":1}' }, { outcome: "succeeded", output: { a: 1 } }],
  ] as const)("does as %j says", async ([env, result], { expect }) => {
    await connect();
    const job = plane.job("x", { env });

    plane.offer(job);

    expect(await plane.finished(job)).toMatchObject(result);
  });

  test("prints as many lines as it is told", async ({ expect }) => {
    await connect();
    const job = plane.job("x", { env: { FAKE_LOG_LINES: "3" } });

    plane.offer(job);
    await plane.finished(job);

    expect(plane.logText(job)).toBe("line 1\nline 2\nline 3\n");
  });
});

describe("leases", () => {
  test("F2 stop a job that may be retried when no pong comes, and leave the others", async ({ expect }) => {
    plane.levers.leaseMs = 3_000;
    await connect();
    const retry = sleeper(60_000);
    const fail = plane.job("x", { env: { FAKE_SLEEP_MS: "60000" }, onLost: "fail" });
    plane.offer(retry, fail);
    await until("both run", () => plane.started(retry) && plane.started(fail));

    plane.levers.pong = false;
    plane.levers.connectable = false;
    plane.cut();
    await until("it fences itself", () => runner.events("lease.lost").length > 0);
    plane.levers.pong = true;
    plane.levers.connectable = true;
    const result = await plane.finished(retry);

    expect(result).toMatchObject({ outcome: "failed", failReason: "runner_lost" });
    expect(plane.of("hello").at(-1)?.held).toContainEqual({ runId: fail.runId, attempt: 1, state: "running" });
    expect(plane.exited(fail)).toEqual([]);
  });
});

describe("what the plane takes back", () => {
  test("I17 in a welcome is stopped without a result", async ({ expect }) => {
    await connect();
    const job = sleeper(60_000);
    plane.offer(job);
    await until("it runs", () => plane.started(job));

    plane.kill = [{ runId: job.runId, attempt: 1 }];
    plane.cut();
    await until("it is dropped", () => runner.events("run.dropped").length > 0);
    plane.cut();
    await until("it comes back once more", () => plane.of("hello").length === 3);

    expect(plane.of("hello").at(-1)?.held).toEqual([]);
    expect(plane.exited(job)).toEqual([]);
    expect(runner.spoolFolders()).toEqual([]);
  });

  test("by refusing the accept never starts", async ({ expect }) => {
    plane.levers.grant = false;
    await connect();
    const job = sleeper(0);
    plane.offer(job);
    await until("it is accepted", () => plane.of("accept").length > 0);

    plane.send({ type: "refused", runId: job.runId, attempt: 1, code: "stale_attempt" });
    await until("it is dropped", () => runner.events("run.dropped").length > 0);

    expect(plane.started(job)).toBe(false);
  });
});

describe("F28 draining", () => {
  test("finishes what runs, declines what comes, says bye and exits with 0", async ({ expect }) => {
    await connect();
    const running = [sleeper(1_500), sleeper(1_500)];
    const late = sleeper(0);
    plane.offer(...running);
    await until("both run", () => running.every((job) => plane.started(job)));

    runner.signal("SIGTERM");
    await until("it says so", () => plane.of("status").some(({ draining }) => draining));
    plane.offer(late);

    expect(await runner.exited()).toBe(0);
    for (const job of running) {
      expect(plane.exited(job)[0]?.result.outcome).toBe("succeeded");
      expect(plane.done(job)).toHaveLength(1);
    }
    expect(plane.of("decline")).toMatchObject([{ runId: late.runId, reason: "draining" }]);
    expect(plane.messages.at(-1)).toEqual({ type: "bye" });
  });

  test("stops the jobs at the second signal", async ({ expect }) => {
    await connect();
    const job = sleeper(60_000);
    plane.offer(job);
    await until("it runs", () => plane.started(job));

    runner.signal("SIGTERM");
    await until("it drains", () => runner.events("drain.began").length > 0);
    await until("the second signal counts", () => {
      runner.signal("SIGTERM");
      return runner.events("run.stopping").length > 0;
    });

    expect(await runner.exited()).toBe(0);
    expect(plane.exited(job)[0]?.result).toMatchObject({ outcome: "failed", failReason: "runner_shutdown" });
  });

  test("stops the jobs after the drain timeout", async ({ expect }) => {
    await runner.destroy();
    runner = makeRunner("--drain-timeout", "1");
    await connect();
    const job = sleeper(60_000);
    plane.offer(job);
    await until("it runs", () => plane.started(job));

    plane.send({ type: "drain" });

    expect(await runner.exited()).toBe(0);
    expect(plane.exited(job)[0]?.result.failReason).toBe("runner_shutdown");
  });

  test("does not wait for ever for a plane that is gone; the next process delivers", async ({ expect }) => {
    await connect();
    const job = sleeper(500, { FAKE_OUTPUT: "1", FAKE_LOG_LINES: "2" });
    plane.offer(job);
    await until("it runs", () => plane.started(job));

    plane.levers.connectable = false;
    plane.cut();
    await until("the job has ended", () => runner.events("run.exited").length > 0);
    runner.signal("SIGTERM");
    expect(await runner.exited()).toBe(0);
    plane.levers.connectable = true;
    await connect();

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded", output: 1 });
    expect(plane.logText(job)).toBe("line 1\nline 2\n");
  });
});
