/** Faults of the network and of whole processes, each with the outcome that the guarantees promise for it. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTerminal, type Run, type RunState } from "@cronium/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { startPlane, type Plane } from "./plane.ts";
import { startProgram } from "./processes.ts";
import { type RunnerOptions, type RunnerProcess, startRunner } from "./runner-process.ts";
import { NO_FAULTS, startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";
import { eventually } from "./wait.ts";

/** Told again where no WebSocket gets through (`network-faults-polling.test.ts`). */
const polls = NO_FAULTS.refuseUpgrade !== null;

const LEASE_MS = 12_000;
/** `unreachable` after three renewals, self-fence after 9.6 s. */
const LEASES = {
  SHORT_LEASES: "yes",
  LEASE_MS: String(LEASE_MS),
  RENEW_MS: "500",
  OFFER_TIMEOUT_MS: polls ? "6000" : "2000",
};

let plane: Plane;
let proxy: TcpProxy;
let folder: string;
let runners: RunnerProcess[];

beforeAll(async () => {
  plane = await startPlane(LEASES);
});
afterAll(() => plane.stop());
beforeEach(async () => {
  proxy = await startTcpProxy(plane.url);
  folder = mkdtempSync(join(tmpdir(), "cronium-faults-"));
  runners = [];
});
afterEach(async () => {
  proxy.heal();
  await Promise.all(runners.map((runner) => runner.stop()));
  await proxy.close();
  rmSync(folder, { recursive: true, force: true });
});

async function runner(options: Partial<RunnerOptions> = {}): Promise<RunnerProcess> {
  const started = await startRunner(plane, { executor: "fake", url: proxy.url, ...options });
  runners.push(started);
  return started;
}

async function trigger(event: Readonly<Record<string, unknown>>): Promise<string> {
  const created = await plane.call("POST", "/events", { name: "fault", kind: "script", runtime: "bash", ...event });
  const answer = await plane.call("POST", `/events/${created.body.id}/runs`, { input: null });
  if (answer.status !== 202) {
    throw new Error(`Not accepted: ${JSON.stringify([created.body, answer.body])}`);
  }
  return answer.body.runId as string;
}

/** A run of the fake executor that writes its starts down. */
function fakeRun(sleepMs: number, event: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const env = { FAKE_SLEEP_MS: String(sleepMs), FAKE_OUTPUT: "1", FAKE_LOG_LINES: "2", FAKE_LEDGER: ledger() };
  return trigger({ script: "true", env, ...event });
}

function ledger(): string {
  return join(folder, "ledger");
}

function startsOf(runId: string): string[] {
  const lines = readFileSync(ledger(), "utf8").split("\n");
  return lines
    .filter((line) => line.startsWith(runId) && line.endsWith("started"))
    .map((line) => line.split(" ")[1] ?? "");
}

function inState(runId: string, state: RunState): Promise<Run> {
  return eventually(`run ${runId} to be ${state}`, 120_000, async () => {
    const { body } = await plane.call("GET", `/runs/${runId}`);
    if (body.state !== state && isTerminal(body.state as RunState)) {
      throw new Error(`It is ${body.state} instead: ${body.failReason} ${body.message}`);
    }
    return body.state === state ? (body as Run) : null;
  });
}

function ended(runId: string): Promise<Run> {
  return eventually(`run ${runId} to end`, 120_000, async () => {
    const { body } = await plane.call("GET", `/runs/${runId}`);
    return isTerminal(body.state as RunState) ? (body as Run) : null;
  });
}

function runnerState(name: string, state: string): Promise<true> {
  return eventually(`runner ${name} to be ${state}`, 120_000, async () => {
    const { body } = await plane.call("GET", "/runners");
    return body.items.some((one: { name: string; state: string }) => one.name === name && one.state === state)
      ? true
      : null;
  });
}

describe("F3 a black hole", () => {
  it("that makes the runner unreachable costs neither the run nor a byte of its log", async ({ expect }) => {
    const one = await runner({ executor: "docker" });
    const run = await trigger({ script: "for i in $(seq 1 80); do echo line $i; sleep 0.1; done" });
    await eventually("it prints", 120_000, async () => (await plane.logOf(run)).includes("line 5\n"));

    Object.assign(proxy.faults, { holdFromServer: true, holdFromClient: true });
    await runnerState(one.name, "unreachable");
    proxy.heal();
    await eventually(
      "it is back",
      120_000,
      async () => (await plane.call("GET", `/runs/${run}`)).body.state !== "queued",
    );

    expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect((await plane.logOf(run)).toString()).toBe(
      Array.from({ length: 80 }, (_value, index) => `line ${index + 1}\n`).join(""),
    );
  });

  it("longer than the lease ends by onLost: one is tried again, one has failed, and no attempt starts twice", async ({
    expect,
  }) => {
    const one = await runner();
    const again = await fakeRun(14_000);
    const never = await fakeRun(60_000, { onLost: "fail" });
    await Promise.all([inState(again, "running"), inState(never, "running")]);

    Object.assign(proxy.faults, { holdFromServer: true, holdFromClient: true });
    expect(await ended(never)).toMatchObject({ state: "failed", failReason: "runner_lost", attempt: 1 });
    await eventually("the runner to fence itself", 120_000, () => one.output().includes("lease.lost"));
    proxy.heal();

    expect(await ended(again)).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(startsOf(again)).toEqual(["1", "2"]);
    expect(startsOf(never)).toEqual(["1"]);
    await eventually("the job that was given up to be gone", 120_000, () => one.jobs().length === 0);
  });
});

describe("a network that is slow or lossy", () => {
  it("F4 one-way loss towards the runner makes it reconnect, and starts nothing twice", async ({ expect }) => {
    const one = await runner();
    const run = await fakeRun(6_000);
    await inState(run, "running");
    const before = proxy.connections;

    proxy.faults.holdFromServer = true;
    await eventually("the runner to give the connection up", 120_000, () => one.output().includes("control.silent"));
    proxy.heal();

    expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(startsOf(run)).toEqual(["1"]);
    expect(proxy.connections).toBeGreaterThan(before);
  });

  it("F5 every frame late changes nothing", async ({ expect }) => {
    // Requests wait for one another where frames do not.
    proxy.faults.delayMs = polls ? 100 : 300;
    await runner();

    const run = await fakeRun(0);

    expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(startsOf(run)).toEqual(["1"]);
  });

  it.skipIf(polls)("F17 renewals that fail for a while leave the job alone, and it recovers", async ({ expect }) => {
    const one = await runner();
    const run = await fakeRun(9_000);
    await inState(run, "running");

    proxy.faults.refuseUpgrade = 503;
    proxy.cut();
    await eventually("the runner to be refused", 120_000, () => one.output().includes("answered 503"));
    proxy.heal();

    expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(startsOf(run)).toEqual(["1"]);
  });

  it.skipIf(polls)("F38 a proxy that cuts idle connections does not cut the control connection", async ({ expect }) => {
    proxy.faults.idleMs = 1_500;
    const one = await runner();
    const run = await fakeRun(5_000);

    expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(one.output()).not.toContain("control.disconnected");
  });
});

describe("a process that stands still, is copied, or is cut off", () => {
  it("F2 a runner stopped for longer than its lease loses the run, and its own job, on return", async ({ expect }) => {
    const frozen = await runner();
    const run = await fakeRun(22_000);
    await inState(run, "running");

    frozen.signal("SIGSTOP");
    try {
      await inState(run, "queued");
      const other = await runner();
      await inState(run, "running");
      frozen.signal("SIGCONT");
      await eventually("the job of the first attempt to be stopped", 120_000, () => frozen.jobs().length === 0);
      expect(other.jobs()).toHaveLength(1);
    } finally {
      frozen.signal("SIGCONT");
    }

    const done = await ended(run);
    expect(done).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(startsOf(run)).toEqual(["1", "2"]);
  });

  it("F27 a cancel while the runner is cut off is confirmed when it returns", async ({ expect }) => {
    const one = await runner();
    const run = await fakeRun(60_000);
    await inState(run, "running");

    proxy.faults.refuse = true;
    proxy.cut();
    await plane.call("POST", `/runs/${run}/cancel`);
    await inState(run, "cancelling");
    expect(one.jobs()).toHaveLength(1);
    proxy.heal();

    const done = await ended(run);
    expect(done).toMatchObject({ state: "cancelled", attempt: 1 });
    expect(done.message).not.toMatch(/unconfirmed/i);
    await eventually("the job to be gone", 120_000, () => one.jobs().length === 0);
  });

  it("F29 of two processes with one key the newest wins, the older exits, and no attempt starts twice", async ({
    expect,
  }) => {
    const older = await runner();
    const copy = join(folder, "copy");
    const isOwn = (path: string): boolean => path.endsWith("runner.lock") || path.endsWith("control.sock");
    cpSync(older.dataDir, copy, { recursive: true, filter: (path) => !isOwn(path) });
    // Long enough for the newer one to find out that it has to poll.
    const run = await fakeRun(polls ? 20_000 : 3_000);
    await inState(run, "running");

    const args = ["runner/src/main.ts", "up", "--data-dir", copy, "--executor", "fake", "--capacity", "2"];
    const newer = startProgram(args);
    try {
      expect(await older.exited()).toBe(4);
      expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 2 });
    } finally {
      newer.signal("SIGTERM");
      await newer.exited;
    }
    expect(startsOf(run)).toEqual(["1", "2"]);
    expect(older.jobs()).toEqual([]);
  });

  it("F40 the next job of a slot finds nothing of the one before", async ({ expect }) => {
    await runner({ executor: "docker", capacity: 1 });
    const script = ["ls -A /tmp /workspace | grep -c mine || true", "touch /tmp/mine /workspace/mine"].join("\n");

    const runs = await Promise.all([1, 2, 3].map(() => trigger({ script })));

    for (const run of runs) {
      expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 1 });
      expect((await plane.logOf(run)).toString().split("\n")[0]).toBe("0");
    }
  });
});
