/** F38: networks that let no WebSocket through, between a real runner and a real control plane. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTerminal, type Run, type RunState } from "@cronium/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { startPlane, type Plane } from "./plane.ts";
import { type RunnerOptions, type RunnerProcess, startRunner } from "./runner-process.ts";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";
import { eventually } from "./wait.ts";

const LEASES = { SHORT_LEASES: "yes", LEASE_MS: "30000", RENEW_MS: "500", OFFER_TIMEOUT_MS: "2000" };

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
  folder = mkdtempSync(join(tmpdir(), "cronium-polling-"));
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

/** A run of the fake executor that writes its starts down and prints while it runs. */
async function fakeRun(sleepMs: number): Promise<string> {
  const env = {
    FAKE_SLEEP_MS: String(sleepMs),
    FAKE_OUTPUT: "1",
    FAKE_LOG_LINES: "2",
    FAKE_LEDGER: join(folder, "ledger"),
  };
  const event = { name: "polled", kind: "script", runtime: "bash", script: "true", env };
  const created = await plane.call("POST", "/events", event);
  const answer = await plane.call("POST", `/events/${created.body.id}/runs`, { input: null });
  return answer.body.runId as string;
}

function startsOf(runId: string): string[] {
  const lines = readFileSync(join(folder, "ledger"), "utf8").split("\n");
  return lines
    .filter((line) => line.startsWith(runId) && line.endsWith("started"))
    .map((line) => line.split(" ")[1] ?? "");
}

function inState(runId: string, state: RunState): Promise<Run> {
  return eventually(`run ${runId} to be ${state}`, 120_000, async () => {
    const { body } = await plane.call("GET", `/runs/${runId}`);
    return body.state === state ? (body as Run) : null;
  });
}

function ended(runId: string): Promise<Run> {
  return eventually(`run ${runId} to end`, 120_000, async () => {
    const { body } = await plane.call("GET", `/runs/${runId}`);
    return isTerminal(body.state as RunState) ? (body as Run) : null;
  });
}

function connectedBy(name: string, transport: string): Promise<boolean> {
  return eventually(`runner ${name} to be connected by ${transport}`, 120_000, async () => {
    const { body } = await plane.call("GET", "/runners");
    return body.items.some(
      (one: { name: string; transport: string | null }) => one.name === name && one.transport === transport,
    );
  });
}

describe("F38 a proxy that blocks the upgrade", () => {
  it.for([
    ["answers it with 403", { refuseUpgrade: 403 }],
    ["answers it with 426", { refuseUpgrade: 426 }],
    ["answers it with an empty 200", { refuseUpgrade: 200 }],
    ["takes the Upgrade header out", { upgrades: "strip" }],
    ["cuts it", { upgrades: "cut" }],
  ] as const)("and %s leaves a job, its live log and its result as they are", async ([, faults], { expect }) => {
    Object.assign(proxy.faults, faults);
    const one = await runner();
    await connectedBy(one.name, "polling");

    const run = await fakeRun(3_000);
    await inState(run, "running");
    await eventually("its log while it runs", 10_000, async () => (await plane.logOf(run)).includes("line 2\n"));

    expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete", output: 1 });
    expect((await plane.logOf(run)).toString()).toBe("line 1\nline 2\n");
    expect(startsOf(run)).toEqual(["1"]);
    expect(one.output()).toContain("control.polling");
    expect(await one.drain()).toBe(0);
  });

  it("in the middle of a job costs nothing, and when it stops, the runner returns without a doubled start", async ({
    expect,
  }) => {
    const one = await runner();
    await connectedBy(one.name, "websocket");
    const run = await fakeRun(45_000);
    await inState(run, "running");

    proxy.faults.refuseUpgrade = 502;
    proxy.cut();
    await connectedBy(one.name, "polling");
    const during = await fakeRun(0);
    expect(await ended(during)).toMatchObject({ state: "succeeded", attempt: 1 });
    proxy.faults.refuseUpgrade = null;
    await connectedBy(one.name, "websocket");
    const after = await fakeRun(0);

    expect(await ended(after)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    for (const each of [run, during, after]) {
      expect(startsOf(each)).toEqual(["1"]);
    }
    expect(one.output()).not.toContain("lease.lost");
  });

  it("by letting it open and nothing pass is noticed within the lease", async ({ expect }) => {
    proxy.faults.upgrades = "mute";
    const one = await runner();
    await connectedBy(one.name, "polling");

    expect(proxy.blockedUpgrades).toBeLessThanOrEqual(3);
    const run = await fakeRun(0);
    expect(await ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
  });
});
