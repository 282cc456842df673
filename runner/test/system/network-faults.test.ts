/** Faults of the network and of whole processes, each with the outcome that the guarantees promise for it. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { startProgram } from "./processes.ts";
import { NO_FAULTS } from "./tcp-proxy.ts";
import { eventually } from "./wait.ts";
import { FaultyNetwork } from "./faulty-network.ts";

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

const network = new FaultyNetwork(LEASES);

function runnerState(name: string, state: string): Promise<true> {
  return eventually(`runner ${name} to be ${state}`, 120_000, async () => {
    const { body } = await network.plane.call("GET", "/runners");
    return body.items.some((one: { name: string; state: string }) => one.name === name && one.state === state)
      ? true
      : null;
  });
}

describe("F3 a black hole", () => {
  it("that makes the runner unreachable costs neither the run nor a byte of its log", async ({ expect }) => {
    const one = await network.runner({ executor: "docker" });
    const run = await network.trigger({ script: "for i in $(seq 1 80); do echo line $i; sleep 0.1; done" });
    await eventually("it prints", 120_000, async () => (await network.plane.logOf(run)).includes("line 5\n"));

    Object.assign(network.proxy.faults, { holdFromServer: true, holdFromClient: true });
    await runnerState(one.name, "unreachable");
    network.proxy.heal();
    await eventually(
      "it is back",
      120_000,
      async () => (await network.plane.call("GET", `/runs/${run}`)).body.state !== "queued",
    );

    expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect((await network.plane.logOf(run)).toString()).toBe(
      Array.from({ length: 80 }, (_value, index) => `line ${index + 1}\n`).join(""),
    );
  });

  it("longer than the lease ends by onLost: one is tried again, one has failed, and no attempt starts twice", async ({
    expect,
  }) => {
    const one = await network.runner();
    const again = await network.fakeRun(14_000);
    const never = await network.fakeRun(60_000, { onLost: "fail" });
    await Promise.all([network.inState(again, "running"), network.inState(never, "running")]);

    Object.assign(network.proxy.faults, { holdFromServer: true, holdFromClient: true });
    expect(await network.ended(never)).toMatchObject({ state: "failed", failReason: "runner_lost", attempt: 1 });
    await eventually("the runner to fence itself", 120_000, () => one.output().includes("lease.lost"));
    network.proxy.heal();

    expect(await network.ended(again)).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(network.startsOf(again)).toEqual(["1", "2"]);
    expect(network.startsOf(never)).toEqual(["1"]);
    await eventually("the job that was given up to be gone", 120_000, () => one.jobs().length === 0);
  });
});

describe("a network that is slow or lossy", () => {
  it("F4 one-way loss towards the runner makes it reconnect, and starts nothing twice", async ({ expect }) => {
    const one = await network.runner();
    const run = await network.fakeRun(6_000);
    await network.inState(run, "running");
    const before = network.proxy.connections;

    network.proxy.faults.holdFromServer = true;
    await eventually("the runner to give the connection up", 120_000, () => one.output().includes("control.silent"));
    network.proxy.heal();

    expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(network.startsOf(run)).toEqual(["1"]);
    expect(network.proxy.connections).toBeGreaterThan(before);
  });

  it("F5 every frame late changes nothing", async ({ expect }) => {
    // Requests wait for one another where frames do not.
    network.proxy.faults.delayMs = polls ? 100 : 300;
    await network.runner();

    const run = await network.fakeRun(0);

    expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(network.startsOf(run)).toEqual(["1"]);
  });

  it.skipIf(polls)("F17 renewals that fail for a while leave the job alone, and it recovers", async ({ expect }) => {
    const one = await network.runner();
    const run = await network.fakeRun(9_000);
    await network.inState(run, "running");

    network.proxy.faults.refuseUpgrade = 503;
    network.proxy.cut();
    await eventually("the runner to be refused", 120_000, () => one.output().includes("answered 503"));
    network.proxy.heal();

    expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(network.startsOf(run)).toEqual(["1"]);
  });

  it.skipIf(polls)("F38 a proxy that cuts idle connections does not cut the control connection", async ({ expect }) => {
    network.proxy.faults.idleMs = 1_500;
    const one = await network.runner();
    const run = await network.fakeRun(5_000);

    expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(one.output()).not.toContain("control.disconnected");
  });
});

describe("a process that stands still, is copied, or is cut off", () => {
  it("F2 a runner stopped for longer than its lease loses the run, and its own job, on return", async ({ expect }) => {
    const frozen = await network.runner();
    const run = await network.fakeRun(22_000);
    await network.inState(run, "running");

    frozen.signal("SIGSTOP");
    try {
      await network.inState(run, "queued");
      const other = await network.runner();
      await network.inState(run, "running");
      frozen.signal("SIGCONT");
      await eventually("the job of the first attempt to be stopped", 120_000, () => frozen.jobs().length === 0);
      expect(other.jobs()).toHaveLength(1);
    } finally {
      frozen.signal("SIGCONT");
    }

    const done = await network.ended(run);
    expect(done).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(network.startsOf(run)).toEqual(["1", "2"]);
  });

  it("F27 a cancel while the runner is cut off is confirmed when it returns", async ({ expect }) => {
    const one = await network.runner();
    const run = await network.fakeRun(60_000);
    await network.inState(run, "running");

    network.proxy.faults.refuse = true;
    network.proxy.cut();
    await network.plane.call("POST", `/runs/${run}/cancel`);
    await network.inState(run, "cancelling");
    expect(one.jobs()).toHaveLength(1);
    network.proxy.heal();

    const done = await network.ended(run);
    expect(done).toMatchObject({ state: "cancelled", attempt: 1 });
    expect(done.message).not.toMatch(/unconfirmed/i);
    await eventually("the job to be gone", 120_000, () => one.jobs().length === 0);
  });

  it("F29 of two processes with one key the newest wins, the older exits, and no attempt starts twice", async ({
    expect,
  }) => {
    const older = await network.runner();
    const copy = join(network.folder, "copy");
    const isOwn = (path: string): boolean => path.endsWith("runner.lock") || path.endsWith("control.sock");
    cpSync(older.dataDir, copy, { recursive: true, filter: (path) => !isOwn(path) });
    // Long enough for the newer one to be there before it ends, also where that has to find out first that it polls.
    const run = await network.fakeRun(20_000);
    await network.inState(run, "running");

    const args = ["runner/src/main.ts", "up", "--data-dir", copy, "--executor", "fake", "--capacity", "2"];
    const newer = startProgram(args);
    try {
      expect(await older.exited()).toBe(4);
      expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 2 });
    } finally {
      newer.signal("SIGTERM");
      await newer.exited;
    }
    expect(network.startsOf(run)).toEqual(["1", "2"]);
    expect(older.jobs()).toEqual([]);
  });

  it("F40 the next job of a slot finds nothing of the one before", async ({ expect }) => {
    await network.runner({ executor: "docker", capacity: 1 });
    const script = ["ls -A /tmp /workspace | grep -c mine || true", "touch /tmp/mine /workspace/mine"].join("\n");

    const runs = await Promise.all([1, 2, 3].map(() => network.trigger({ script })));

    for (const run of runs) {
      expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 1 });
      expect((await network.plane.logOf(run)).toString().split("\n")[0]).toBe("0");
    }
  });
});
