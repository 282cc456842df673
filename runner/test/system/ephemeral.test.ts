/** Runners that take one job: what becomes of the job, of the process and of its place in the list. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Run, Runner } from "@cronium/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { containersOf } from "./leftovers.ts";
import { QUICK, startPlane, type Plane } from "./plane.ts";
import { type RunnerOptions, type RunnerProcess, startRunner } from "./runner-process.ts";
import { eventually } from "./wait.ts";

const TOKEN_NEEDED = 2;
const JOB_LOST = 9;

let plane: Plane;
let runners: RunnerProcess[];

beforeAll(async () => {
  // Long enough for a runner on a busy machine to renew in time, short enough to wait for its end.
  plane = await startPlane({ ...QUICK, LEASE_MS: "8000" });
});
afterAll(() => plane.stop());
beforeEach(() => {
  runners = [];
});
afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.stop()));
});

async function runner(options: Partial<RunnerOptions> = {}): Promise<RunnerProcess> {
  const started = await startRunner(plane, { executor: "fake", ...options });
  runners.push(started);
  return started;
}

/** A job for machines with this label alone, so that no test takes work from another. */
async function trigger(zone: string, event: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const body = { runtime: "bash", script: "true", labels: { zone }, input: null, ...event };
  const answer = await plane.call("POST", "/runs", body);
  if (answer.status !== 202) {
    throw new Error(`Not accepted: ${JSON.stringify(answer.body)}`);
  }
  return answer.body.runId as string;
}

async function read(runId: string): Promise<Run> {
  return (await plane.call("GET", `/runs/${runId}`)).body;
}

function until(runId: string, what: string, holds: (run: Run) => boolean): Promise<Run> {
  return eventually(`run ${runId} to be ${what}`, 120_000, async () => {
    const run = await read(runId);
    return holds(run) ? run : null;
  });
}

async function listed({ name }: RunnerProcess): Promise<Runner | null> {
  const { items } = (await plane.call("GET", "/runners")).body as { items: Runner[] };
  return items.find((one) => one.name === name) ?? null;
}

function gone(one: RunnerProcess): Promise<boolean> {
  return eventually(`${one.name} to leave the list`, 120_000, async () => (await listed(one)) === null);
}

describe("a runner for one job", () => {
  it("F31 ephemeral: delivers one job's log and result, is listed no more and ends with 0", async ({ expect }) => {
    const token = await plane.call("POST", "/registration-tokens", { kind: "ephemeral", labels: { zone: "one" } });
    expect(token.status).toBe(201);
    // The token makes it ephemeral, whatever the command says.
    const one = await runner({ flags: [], token: token.body.token });
    expect(await listed(one)).toMatchObject({ ephemeral: true, slots: 1 });
    const env = { FAKE_SLEEP_MS: "500", FAKE_LOG_LINES: "2000" };
    const first = await trigger("one", { env });
    const second = await trigger("one", { env });

    expect(await one.exited()).toBe(0);
    expect(await read(first)).toMatchObject({ state: "succeeded", logState: "complete", runnerName: one.name });
    expect((await plane.logOf(first)).toString().match(/\n/g)).toHaveLength(2_000);
    const waits = await read(second);
    expect(waits.state).toBe("queued");
    expect(waits.attempts.filter(({ state }) => state !== "declined")).toEqual([]);
    await gone(one);
    expect(existsSync(join(one.dataDir, "credential.json"))).toBe(false);

    one.start();
    expect(await one.exited()).toBe(TOKEN_NEEDED);
  });

  it("F31 ephemeral: whose job was given to another ends with an error instead of waiting for the next", async ({
    expect,
  }) => {
    const one = await runner({ flags: ["--ephemeral"], labels: ["zone=lost"] });
    const run = await trigger("lost", { env: { FAKE_SLEEP_MS: "8000" } });
    await until(run, "running", ({ state }) => state === "running");
    one.signal("SIGSTOP");
    const other = await runner({ labels: ["zone=lost"] });
    // Not merely offered: until it is accepted, the first one could still be adopted back.
    const taken = await until(
      run,
      "with the other",
      ({ state, attempts }) => state === "running" && attempts.at(-1)?.runnerName === other.name,
    );
    expect(taken.attempts[0]).toMatchObject({ state: "lost", failReason: "runner_lost" });
    one.signal("SIGCONT");

    expect(await one.exited()).toBe(JOB_LOST);
    expect(one.output()).toContain("was taken from this runner");
    await gone(one);
    const done = await until(run, "over", ({ state }) => state === "succeeded");
    expect(done.runnerName).toBe(other.name);
    // A job that had ended when it was taken away keeps its runner for as long as a log may take to drain: a minute.
  });

  it("F31 ephemeral: killed in the middle is a lost runner, and no ghost of it stays in the list", async ({
    expect,
  }) => {
    const one = await runner({ flags: ["--ephemeral"], labels: ["zone=killed"] });
    const run = await trigger("killed", { env: { FAKE_SLEEP_MS: "60000" }, onLost: "fail" });
    await until(run, "running", ({ state }) => state === "running");
    await one.kill();
    expect(await until(run, "over", ({ state }) => state === "failed")).toMatchObject({ failReason: "runner_lost" });
    await gone(one);
    // Its key is worth nothing any more.
    one.start();
    expect(await one.exited()).toBe(77);
  });

  it("F31 ephemeral: killed and started again goes on with its job, and takes no other", async ({ expect }) => {
    // Its lease must outlast the start of a process, however busy the machine is.
    const patient = await startPlane({ ...QUICK, LEASE_MS: "90000" });
    try {
      const one = await startRunner(patient, { executor: "fake", flags: ["--ephemeral"] });
      runners.push(one);
      const call = { runtime: "bash", script: "true", input: null, env: { FAKE_SLEEP_MS: "3000" } };
      const [run, next] = [await patient.call("POST", "/runs", call), await patient.call("POST", "/runs", call)];
      const read = async ({ body }: typeof run): Promise<Run> =>
        (await patient.call("GET", `/runs/${body.runId}`)).body;
      await eventually("it to run", 120_000, async () => (await read(run)).state === "running");
      await one.kill();
      one.start();

      expect(await one.exited()).toBe(0);
      const done = await read(run);
      expect(done).toMatchObject({ state: "succeeded", logState: "complete" });
      expect(done.attempts.filter(({ state }) => state !== "declined")).toHaveLength(1);
      expect((await read(next)).attempts.filter(({ state }) => state !== "declined")).toEqual([]);
    } finally {
      await patient.stop();
    }
  });

  it("ephemeral: stopped before it had a job leaves in good order", async ({ expect }) => {
    const one = await runner({ flags: ["--ephemeral"], labels: ["zone=idle"] });
    expect(await one.drain()).toBe(0);
    await gone(one);
  });

  it("ephemeral, on Docker: the job's whole log arrives, and nothing of it is left", async ({ expect }) => {
    const one = await runner({ executor: "docker", flags: ["--ephemeral"], labels: ["zone=docker"] });
    const run = await trigger("docker", { script: "seq 1 5000; exit 3" });
    expect(await one.exited()).toBe(0);
    expect(await read(run)).toMatchObject({ state: "failed", exitCode: 3, logState: "complete" });
    expect((await plane.logOf(run)).toString().trim().split("\n")).toHaveLength(5_000);
    expect(await containersOf(run)).toHaveLength(0);
    await gone(one);
  });

  it("with --once takes one job, ends with 0, and may be started again for the next", async ({ expect }) => {
    const one = await runner({ flags: ["--once"], labels: ["zone=once"] });
    const first = await trigger("once");
    expect(await one.exited()).toBe(0);
    expect((await read(first)).state).toBe("succeeded");
    await eventually("it to be offline", 120_000, async () => (await listed(one))?.state === "offline");

    const second = await trigger("once");
    expect((await read(second)).state).toBe("queued");
    one.start();
    expect(await one.exited()).toBe(0);
    expect((await read(second)).state).toBe("succeeded");
  });
});
