import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { OPERATING_SINCE } from "@cronium/protocol";
import { type Outcome, runCommandLine } from "./command-line.ts";
import { fakeJobs } from "./fake-jobs.ts";
import { FakePlane } from "./fake-plane.ts";
import { RunnerProcess } from "./runner-process.ts";
import { until } from "./until.ts";

let plane: FakePlane;
let runner: RunnerProcess;

beforeEach(async () => {
  plane = await FakePlane.start();
  plane.levers.protocol = OPERATING_SINCE;
  runner = new RunnerProcess(["--token", plane.token, "--executor", "fake", "--name", "box", "--capacity", "3"]);
});
afterEach(async ({ expect }) => {
  await runner.destroy();
  await plane.stop();
  expect(plane.problems).toEqual([]);
});

async function online(more: readonly string[] = []): Promise<void> {
  const before = plane.of("hello").length;
  runner.start(more);
  await until("the runner is connected", () => plane.of("hello").length > before);
  await until("its control socket is there", () => existsSync(join(runner.dataDir, "control.sock")));
}

function command(...args: string[]): Promise<Outcome> {
  return runCommandLine([...args, "--data-dir", runner.dataDir]);
}

async function status(): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await command("status", "--json");
  if (code !== 0) {
    throw new Error(stderr);
  }
  return JSON.parse(stdout) as Record<string, unknown>;
}

function sleeper(ms: number, memoryMb = 64) {
  return plane.job("sleep", { env: { FAKE_SLEEP_MS: String(ms), FAKE_LOG_LINES: "2" }, memoryMb });
}

describe("the control socket of a running runner", () => {
  test("is for its user alone, and tells what it does", async ({ expect }) => {
    await online();
    const job = sleeper(60_000);
    plane.offer(job);
    await until("the job runs", () => plane.started(job));

    expect(statSync(join(runner.dataDir, "control.sock")).mode & 0o777).toBe(0o600);
    expect(await status()).toMatchObject({
      state: "online",
      runner: { id: plane.runnerId, name: "box", ephemeral: false },
      executor: "fake",
      pid: runner.pid,
      slots: { capacity: 3, used: 1 },
      memory: { budgetMb: null, usedMb: 64 },
      jobs: [{ runId: job.runId, attempt: 1, phase: "running", memoryMb: 64 }],
      links: [{ shard: 0, connected: true, transport: "websocket" }],
    });
    const { stdout } = await command("status");
    expect(stdout).toMatch(/^runner +box \(rnr_\w+\) is online$/m);
    expect(stdout).toMatch(/^jobs +1 of 3 slots/m);
    expect(stdout).toContain(job.runId);
  });

  test("tells what it logs, and what a job printed; a job that is not here is refused", async ({ expect }) => {
    await online();
    const job = sleeper(60_000);
    plane.offer(job);
    await until("its log has arrived", () => plane.logText(job) === "line 1\nline 2\n");

    expect((await command("logs")).stdout).toContain('"event":"runner.started"');
    expect(await command("logs", job.runId)).toMatchObject({ code: 0, stdout: "line 1\nline 2\n" });
    expect(await command("logs", "run_other")).toMatchObject({ code: 2, stderr: expect.stringContaining("run_other") });
    const inspected = await command("inspect", job.runId, "--json");
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      attempts: [{ attempt: 1, started: true, result: null }],
      running: [{ runId: job.runId, phase: "running" }],
      kept: [],
    });
    expect((await command("inspect", job.runId)).stdout).toMatch(/^state +running for /m);
    expect(await command("inspect", "--shell", job.runId)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("keepFailedMs"),
    });
  });

  test("follows a job's log until the job has ended", async ({ expect }) => {
    await online();
    const job = sleeper(1_500);
    plane.offer(job);
    await until("its log has arrived", () => plane.logText(job) === "line 1\nline 2\n");
    const followed = await command("logs", "-f", job.runId);

    expect(followed).toMatchObject({ code: 0, stdout: "line 1\nline 2\n" });
    expect(plane.exited(job)).toHaveLength(1);
  });

  test.for([["status"], ["drain"], ["pause"], ["logs"]] as const)(
    "%s says where it looked when no runner is there",
    async ([verb], { expect }) => {
      const { code, stderr } = await command(verb);

      expect(code).toBe(2);
      expect(stderr).toContain(runner.dataDir);
      expect(stderr.trimEnd().split("\n")).toHaveLength(2);
    },
  );
});

describe("pausing a machine", () => {
  test("declines what comes, stays connected, holds over a restart, and ends with resume", async ({ expect }) => {
    await online();
    expect((await command("pause")).code).toBe(0);
    await until("the plane knows", () => plane.of("status").at(-1)?.paused === true);
    expect(plane.of("status").at(-1)?.draining).toBe(false);
    const declined = sleeper(0);
    plane.offer(declined);
    await until("the offer is declined", () => plane.of("decline").some(({ runId }) => runId === declined.runId));
    expect(await status()).toMatchObject({ state: "paused", links: [{ connected: true }] });

    runner.signal("SIGKILL");
    await runner.exited();
    await online();
    expect(plane.of("hello").at(-1)?.paused).toBe(true);
    expect((await command("resume", "--json")).stdout).toBe('{"jobs":0}\n');
    await until("the plane knows that it is over", () => {
      const last = plane.of("status").at(-1);
      return last !== undefined && last.paused === undefined;
    });
    const taken = sleeper(0);
    plane.offer(taken);
    expect((await plane.finished(taken)).outcome).toBe("succeeded");
  });
});

describe("what the machine is and how it does", () => {
  test("is told with the connection, when the plane asks, and by status", async ({ expect }) => {
    await online();
    // On a busy machine it takes longer to find out than the greeting waits for; a status tells it then.
    const told = () => plane.of("hello")[0]?.facts ?? plane.of("status").find(({ facts }) => facts)?.facts;
    await until("it is told", () => told() !== undefined);
    expect(told()).toMatchObject({
      kernel: expect.stringMatching(/^Linux \d/),
      engine: null,
      interpreters: { bash: expect.stringMatching(/^\d/), node: process.versions.node },
      process: false,
      disks: { data: { path: runner.dataDir }, engine: null },
    });
    const job = sleeper(60_000);
    plane.offer(job);
    await until("the job runs", () => plane.started(job));
    plane.send({ type: "measure" });
    await until("it has answered", () => plane.of("metrics").length > 0);
    const { metrics } = plane.of("metrics")[0] ?? {};
    expect(metrics).toMatchObject({ slotsUsed: 1, jobsMemoryMb: 64, memoryBudgetMb: null, waiting: [] });
    expect(metrics?.memoryUsedMb).toBeGreaterThan(0);
    expect(metrics?.diskFreeMb.data).toBeGreaterThan(0);

    const { machine } = (await status()) as { machine: { facts: unknown; metrics: object } };
    expect(machine.facts).toEqual(told());
    expect(machine.metrics).toMatchObject({ slotsUsed: 1 });
    expect((await command("status")).stdout).toMatch(/^machine +load \d/m);
  });

  test("is not said to a control plane of the version before, which is told that a paused runner drains", async ({
    expect,
  }) => {
    plane.levers.protocol = OPERATING_SINCE - 1;
    await online();
    expect((await command("pause")).code).toBe(0);
    await until("the plane knows", () => plane.of("status").at(-1)?.draining === true);

    expect(Object.keys(plane.of("hello")[0] ?? {})).not.toContain("facts");
    expect(plane.of("status").map((message) => Object.keys(message).toSorted().join())).toEqual(
      plane.of("status").map(() => "draining,latencyMs,notReady,type"),
    );
  });
});

describe("draining by command", () => {
  test("ends with 0 when the jobs are done; with --stop-jobs they are stopped", async ({ expect }) => {
    await online();
    const job = sleeper(60_000);
    plane.offer(job);
    await until("the job runs", () => plane.started(job));
    expect((await command("drain")).code).toBe(0);
    expect(await status()).toMatchObject({ state: "draining", jobs: [{ phase: "running" }] });
    expect((await command("drain", "--stop-jobs")).code).toBe(0);

    expect((await plane.finished(job)).failReason).toBe("runner_shutdown");
    expect(await runner.exited()).toBe(0);
  });
});

describe("unregistering", () => {
  test("asks for a confirmation, refuses with jobs, and else takes the runner out", async ({ expect }) => {
    await online();
    expect(await command("unregister")).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });
    const job = sleeper(60_000);
    plane.offer(job);
    await until("the job runs", () => plane.started(job));
    expect(await command("unregister", "--yes")).toMatchObject({ code: 2, stderr: expect.stringContaining("--force") });
    expect(plane.of("bye")).toEqual([]);

    const done = await command("unregister", "--yes", "--force");
    expect(done).toMatchObject({ code: 0, stdout: "box is unregistered.\n" });
    expect(await runner.exited()).toBe(0);
    expect(plane.of("bye")).toEqual([{ type: "bye", leave: true }]);
    expect(existsSync(join(runner.dataDir, "credential.json"))).toBe(false);
    expect(fakeJobs(runner.dataDir)).toEqual([]);
  });

  test("works without a running runner, and says so when the plane does not confirm it", async ({ expect }) => {
    await online();
    runner.signal("SIGTERM");
    expect(await runner.exited()).toBe(0);
    const done = await command("unregister", "--yes", "--json");

    expect(done.stdout).toBe('{"name":"box","confirmed":true}\n');
    expect(plane.of("bye").at(-1)).toEqual({ type: "bye", leave: true });
    expect(await command("unregister", "--yes")).toMatchObject({ code: 2 });
  });

  test("is refused by name where the control plane is too old for it", async ({ expect }) => {
    plane.levers.protocol = OPERATING_SINCE - 1;
    await online();
    const refused = await command("unregister", "--yes");

    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("Runners page") });
    expect(readFileSync(join(runner.dataDir, "credential.json"), "utf8")).toContain(plane.runnerId);
    expect((await command("unregister", "--yes", "--local")).code).toBe(4);
  });
});

describe("taking over", () => {
  test("a new process goes on with the jobs of the old one, which ends with 0", async ({ expect }) => {
    await online();
    const job = sleeper(2_000);
    plane.offer(job);
    await until("the job runs", () => plane.started(job));
    const old = { pid: runner.pid, exit: runner.exited(), sidecar: runner.sidecarPid() };
    await online(["--take-over"]);

    expect(await old.exit).toBe(0);
    expect(runner.pid).not.toBe(old.pid);
    expect((await plane.finished(job)).outcome).toBe("succeeded");
    expect(plane.exited(job)).toHaveLength(1);
    expect(plane.of("bye")).toEqual([]);
    expect(plane.logText(job)).toBe("line 1\nline 2\n");
    await until("the old sidecar is gone", () => runner.sidecarPid() !== old.sidecar);
  });

  test("a reload leaves the jobs and ends with 75, for the service manager to start the new program", async ({
    expect,
  }) => {
    await online();
    const job = sleeper(2_000);
    plane.offer(job);
    await until("the job runs", () => plane.started(job));
    runner.signal("SIGUSR2");
    expect(await runner.exited()).toBe(75);
    await online();

    expect((await plane.finished(job)).outcome).toBe("succeeded");
  });

  test("is an ordinary start where nothing runs", async ({ expect }) => {
    await online(["--take-over"]);

    expect(await status()).toMatchObject({ state: "online" });
  });
});

describe("memory", () => {
  test("a job that does not fit is declined as full, and the plane hears when it would", async ({ expect }) => {
    await online(["--memory", "200"]);
    const first = sleeper(60_000, 150);
    plane.offer(first);
    await until("the first job runs", () => plane.started(first));
    const second = sleeper(0, 100);
    plane.offer(second);
    await until("the second one is declined", () => plane.of("decline").length > 0);
    expect(plane.of("decline")).toMatchObject([{ runId: second.runId, reason: "full" }]);
    const told = plane.of("status").length;
    plane.send({ type: "cancel", ...ref(first), reason: "user", graceMs: 100 });
    await until("the plane is told that there is room", () => plane.of("status").length > told);
    plane.offer(second);

    expect((await plane.finished(second)).outcome).toBe("succeeded");
  });
});

describe("metrics for Prometheus", () => {
  test("are served on the port that is asked for, and nowhere else on it", async ({ expect }) => {
    await online(["--metrics", "127.0.0.1:0"]);
    await until("they are served", () => runner.events("metrics.served").length > 0);
    const [served] = runner.events("metrics.served");
    const { port } = (served?.["address"] ?? {}) as { port?: number };
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    const text = await answer.text();

    expect(answer.headers.get("content-type")).toContain("version=0.0.4");
    expect(text).toContain('cronium_runner_state{state="online"} 1');
    expect(text).toContain('cronium_runner_slots{kind="capacity"} 3');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  });
});

describe("its own log", () => {
  test("goes to a file that rotates, when asked for", async ({ expect }) => {
    const file = join(runner.dataDir, "runner.log");
    await online(["--log-file", file]);

    expect(readFileSync(file, "utf8")).toContain('"event":"runner.started"');
    expect(runner.output).toBe("");
    expect((await command("logs")).stdout).toContain('"event":"runner.started"');
  });
});

describe("a token", () => {
  test("is read from stdin, and never shown", async ({ expect }) => {
    const { PATH = "", HOME = "" } = process.env;
    const started = runCommandLine(
      ["up", "--token-file", "-", "--executor", "fake", "--once", "--name", "piped", "--data-dir", runner.dataDir],
      { stdin: `${plane.token}\n`, env: { PATH, HOME } },
    );
    await until("it is connected", () => plane.of("hello").length > 0);
    const job = sleeper(0);
    plane.offer(job);

    const { code, stderr } = await started;
    expect(code).toBe(0);
    expect(plane.registrations).toMatchObject([{ name: "piped" }]);
    expect(stderr).not.toContain("crnr_");
  });
});

function ref(job: { readonly runId: string; readonly attempt: number }) {
  return { runId: job.runId, attempt: job.attempt };
}
