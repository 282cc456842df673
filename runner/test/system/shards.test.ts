/** A real runner that serves a workspace and a shard of it, on the real control plane. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTerminal, type Run, shardOf } from "@cronium/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { type Plane, startPlane } from "./plane.ts";
import { type RunnerOptions, type RunnerProcess, startRunner } from "./runner-process.ts";
import { eventually } from "./wait.ts";

const LEASES = { SHORT_LEASES: "yes", LEASE_MS: "12000", RENEW_MS: "500", OFFER_TIMEOUT_MS: "2000" };

let plane: Plane;
let folder: string;
let runners: RunnerProcess[];
/** By queue. */
let events: Record<"default" | "hot", string>;

beforeAll(async () => {
  plane = await startPlane(LEASES);
  const moved = await plane.call("POST", "/queues/hot/shard", { own: true });
  if (moved.status !== 200) {
    throw new Error(`The queue was not moved: ${JSON.stringify(moved)}`);
  }
});
afterAll(() => plane.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-shards-"));
  runners = [];
});
afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function runner(options: Partial<RunnerOptions> = {}): Promise<RunnerProcess> {
  const started = await startRunner(plane, { executor: "fake", ...options });
  runners.push(started);
  return started;
}

async function makeEvents(sleepMs: number): Promise<void> {
  const env = { FAKE_SLEEP_MS: String(sleepMs), FAKE_OUTPUT: "1", FAKE_LOG_LINES: "2", FAKE_LEDGER: ledger() };
  const make = async (queue: string): Promise<string> => {
    const event = { name: queue, kind: "script", runtime: "bash", script: "true", queue, env };
    return (await plane.call("POST", "/events", event)).body.id as string;
  };
  events = { default: await make("default"), hot: await make("hot") };
}

async function trigger(queue: keyof typeof events): Promise<string> {
  const answer = await plane.call("POST", `/events/${events[queue]}/runs`, { input: null });
  if (answer.status !== 202) {
    throw new Error(`Not accepted: ${JSON.stringify(answer.body)}`);
  }
  return answer.body.runId as string;
}

function ledger(): string {
  return join(folder, "ledger");
}

/** Runs whose jobs were started, in order. */
function starts(): string[] {
  const lines = readFileSync(ledger(), "utf8").split("\n");
  return lines.filter((line) => line.endsWith("started")).map((line) => line.split(" ")[0] ?? "");
}

async function ended(runIds: readonly string[]): Promise<Run[]> {
  let runs: Run[] = [];
  await eventually("all runs to end", 120_000, async () => {
    runs = await Promise.all(runIds.map(async (id) => (await plane.call("GET", `/runs/${id}`)).body as Run));
    return runs.every((run) => isTerminal(run.state));
  });
  return runs;
}

describe("one runner for a workspace and its shard", () => {
  it("shares its slots between both while both have work, and runs every job once", async ({ expect }) => {
    await makeEvents(60);
    const home = await Promise.all(Array.from({ length: 20 }, () => trigger("default")));
    const shard = await Promise.all(Array.from({ length: 20 }, () => trigger("hot")));
    expect([...home, ...shard].map(shardOf)).toEqual([...home.map(() => 0), ...shard.map(() => 1)]);
    await runner({ capacity: 2 });

    const runs = await ended([...home, ...shard]);

    expect(runs.map(({ state }) => state)).toEqual(runs.map(() => "succeeded"));
    const started = starts();
    expect(started.toSorted()).toEqual([...home, ...shard].toSorted());
    // Neither has waited for the other's end.
    const firstHalf = new Set(started.slice(0, 20).map(shardOf));
    expect(firstHalf).toEqual(new Set([0, 1]));
    expect((await plane.logOf(shard[0] ?? "")).byteLength).toBeGreaterThan(0);
  });

  it("F1 kill -9 and back within the lease: the jobs of both go on where they were", async ({ expect }) => {
    await makeEvents(4_000);
    const machine = await runner({ capacity: 4 });
    const ids = [await trigger("default"), await trigger("hot")];
    await eventually("both jobs to run", 120_000, async () => {
      const runs = await Promise.all(ids.map(async (id) => (await plane.call("GET", `/runs/${id}`)).body as Run));
      return runs.every((run) => run.state === "running");
    });
    await machine.kill();
    await machine.restart();

    const runs = await ended(ids);

    expect(runs.map(({ state, attempt }) => [state, attempt])).toEqual([
      ["succeeded", 1],
      ["succeeded", 1],
    ]);
    expect(starts()).toHaveLength(2);
  });

  it("the control plane killed: jobs of both go on and are reported", async ({ expect }) => {
    await makeEvents(4_000);
    await runner({ capacity: 4 });
    const ids = [await trigger("default"), await trigger("hot")];
    await eventually("both jobs to run", 120_000, async () => {
      const runs = await Promise.all(ids.map(async (id) => (await plane.call("GET", `/runs/${id}`)).body as Run));
      return runs.every((run) => run.state === "running");
    });
    await plane.crash();

    const runs = await ended(ids);

    expect(runs.map(({ state, attempt }) => [state, attempt])).toEqual([
      ["succeeded", 1],
      ["succeeded", 1],
    ]);
  });
});
