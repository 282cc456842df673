/** F38: networks that let no WebSocket through, between a real runner and a real control plane. */
import { describe, it } from "vitest";
import { eventually } from "./wait.ts";
import { FaultyNetwork } from "./faulty-network.ts";

const LEASES = { SHORT_LEASES: "yes", LEASE_MS: "30000", RENEW_MS: "500", OFFER_TIMEOUT_MS: "2000" };

const network = new FaultyNetwork(LEASES);

function connectedBy(name: string, transport: string): Promise<boolean> {
  return eventually(`runner ${name} to be connected by ${transport}`, 120_000, async () => {
    const { body } = await network.plane.call("GET", "/runners");
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
    Object.assign(network.proxy.faults, faults);
    const one = await network.runner();
    await connectedBy(one.name, "polling");

    const run = await network.fakeRun(3_000);
    await network.inState(run, "running");
    await eventually("its log while it runs", 10_000, async () =>
      (await network.plane.logOf(run)).includes("line 2\n"),
    );

    expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete", output: 1 });
    expect((await network.plane.logOf(run)).toString()).toBe("line 1\nline 2\n");
    expect(network.startsOf(run)).toEqual(["1"]);
    expect(one.output()).toContain("control.polling");
    expect(await one.drain()).toBe(0);
  });

  it("in the middle of a job costs nothing, and when it stops, the runner returns without a doubled start", async ({
    expect,
  }) => {
    const one = await network.runner();
    await connectedBy(one.name, "websocket");
    const run = await network.fakeRun(45_000);
    await network.inState(run, "running");

    network.proxy.faults.refuseUpgrade = 502;
    network.proxy.cut();
    await connectedBy(one.name, "polling");
    const during = await network.fakeRun(0);
    expect(await network.ended(during)).toMatchObject({ state: "succeeded", attempt: 1 });
    network.proxy.faults.refuseUpgrade = null;
    await connectedBy(one.name, "websocket");
    const after = await network.fakeRun(0);

    expect(await network.ended(after)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
    for (const each of [run, during, after]) {
      expect(network.startsOf(each)).toEqual(["1"]);
    }
    expect(one.output()).not.toContain("lease.lost");
  });

  it("by letting it open and nothing pass is noticed within the lease", async ({ expect }) => {
    network.proxy.faults.upgrades = "mute";
    const one = await network.runner();
    await connectedBy(one.name, "polling");

    expect(network.proxy.blockedUpgrades).toBeLessThanOrEqual(3);
    const run = await network.fakeRun(0);
    expect(await network.ended(run)).toMatchObject({ state: "succeeded", attempt: 1, logState: "complete" });
  });
});
