/** Faults that end a runner for good: revoked, drained, killed by the very job it runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTerminal, type Run, type Runner, type RunState } from "@cronium/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { endFakeJobs } from "../fake-jobs.ts";
import { containersOf } from "./leftovers.ts";
import { startPlane, type Plane } from "./plane.ts";
import { type RunnerOptions, type RunnerProcess, startRunner } from "./runner-process.ts";
import { eventually } from "./wait.ts";

/** Exit code of a runner that may never come back. */
const REVOKED = 77;

let plane: Plane;
let runners: RunnerProcess[];
let folder: string;

beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane.stop());
beforeEach(() => {
  runners = [];
  folder = mkdtempSync(join(tmpdir(), "cronium-processes-"));
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

async function trigger(event: Readonly<Record<string, unknown>>): Promise<string> {
  const created = await plane.call("POST", "/events", { name: "fault", kind: "script", runtime: "bash", ...event });
  const answer = await plane.call("POST", `/events/${created.body.id}/runs`, { input: null });
  if (answer.status !== 202) {
    throw new Error(`Not accepted: ${JSON.stringify([created.body, answer.body])}`);
  }
  return answer.body.runId as string;
}

function inState(runId: string, ...states: RunState[]): Promise<Run> {
  return eventually(`run ${runId} to be ${states.join(" or ")}`, 120_000, async () => {
    const { body } = await plane.call("GET", `/runs/${runId}`);
    if (!states.includes(body.state) && isTerminal(body.state as RunState)) {
      throw new Error(`It is ${body.state} instead: ${body.failReason} ${body.message}`);
    }
    return states.includes(body.state) ? (body as Run) : null;
  });
}

async function fleet(): Promise<Runner[]> {
  return (await plane.call("GET", "/runners")).body.items;
}

async function idOf({ name }: RunnerProcess): Promise<string> {
  return (await fleet()).find((one) => one.name === name)?.id ?? "";
}

describe("a runner that goes", () => {
  it("F30 revoked in the middle of a job ends with 77, its container is killed, and it never comes back", async ({
    expect,
  }) => {
    const one = await runner({ executor: "docker" });
    const run = await trigger({ script: "echo here; sleep 300", onLost: "fail" });
    await eventually("it prints", 120_000, async () => (await plane.logOf(run)).includes("here"));
    expect(await containersOf(run)).toHaveLength(1);

    const revoked = await plane.call("DELETE", `/runners/${await idOf(one)}`);
    expect(revoked.status).toBe(204);

    expect(await one.exited()).toBe(REVOKED);
    expect(one.output()).toContain("Register this machine again");
    await eventually("the container to be gone", 120_000, async () => (await containersOf(run)).length === 0);
    expect(await inState(run, "failed")).toMatchObject({ failReason: "runner_lost", attempt: 1 });
    one.start();
    expect(await one.exited()).toBe(REVOKED);
  });

  it("F28 drained with two jobs finishes both and ends with 0; what comes meanwhile starts elsewhere", async ({
    expect,
  }) => {
    const one = await runner({ capacity: 3 });
    const two = await Promise.all([1, 2].map(() => trigger({ script: "true", env: { FAKE_SLEEP_MS: "4000" } })));
    await Promise.all(two.map((run) => inState(run, "running")));
    one.signal("SIGTERM");
    const third = await trigger({ script: "true" });
    const other = await runner();

    expect(await one.exited()).toBe(0);
    for (const run of [...two, third]) {
      const done = await inState(run, "succeeded");
      expect(done.runnerName).toBe(run === third ? other.name : one.name);
      expect(done.attempts.filter(({ state }) => state !== "declined")).toHaveLength(1);
    }
  });

  it("F35 killed by its job each time: the job ends as a dead letter, and the runners work on", async ({ expect }) => {
    const victims = [await runner({ capacity: 1 }), await runner({ capacity: 1 })];
    const run = await trigger({ script: "true", env: { FAKE_SLEEP_MS: "60000" }, maxAttempts: 2 });
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const started = await eventually(`attempt ${attempt} to run`, 120_000, async () => {
        const { body } = await plane.call("GET", `/runs/${run}`);
        return body.state === "running" && body.attempts.at(-1).state === "running" ? (body as Run) : null;
      });
      const victim = victims.find(({ name }) => name === started.runnerName);
      if (victim === undefined) {
        throw new Error(`${started.runnerName} is not known.`);
      }
      // As a job that takes its whole machine with it.
      await victim.kill();
      endFakeJobs(victim.dataDir);
      rmSync(join(victim.dataDir, "fake"), { recursive: true, force: true });
      await victim.restart();
    }

    const dead = await inState(run, "failed");
    expect(dead).toMatchObject({ failReason: "retries_exhausted" });
    expect(dead.attempts.filter(({ state }) => state === "lost")).toHaveLength(2);
    expect(dead.message).toBeTruthy();
    const sound = (await fleet()).filter(({ name }) => victims.some((victim) => victim.name === name));
    expect(sound.map(({ state }) => state)).toEqual(["online", "online"]);
    const next = await Promise.all([1, 2].map(() => trigger({ script: "true", env: { FAKE_SLEEP_MS: "500" } })));
    for (const id of next) {
      await inState(id, "succeeded");
    }
  });
});
