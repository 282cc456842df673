import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import type { Job } from "@cronium/protocol";
import { StatusReport } from "../src/control/messages.ts";
import { runCommandLine } from "./command-line.ts";
import {
  containersOf,
  type DockerFixture,
  nothingLeft,
  startDockerFixture,
  stopDockerFixture,
} from "./docker-fixture.ts";
import { DockerProxy } from "./docker-proxy.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

let folder: string;
let proxy: DockerProxy;
let fixture: DockerFixture;
let plane: FakePlane;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-proxy-"));
  proxy = new DockerProxy(join(folder, "docker.sock"));
  await proxy.open();
  fixture = await startDockerFixture(["--capacity", "2"], { DOCKER_HOST: `unix://${folder}/docker.sock` });
  plane = fixture.plane;
});
afterAll(async () => {
  await stopDockerFixture(fixture);
  await proxy.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  proxy.release();
  await nothingLeft(fixture);
});

const isRemoval = (method: string, path: string): boolean => method === "DELETE" && path.includes("/containers/");

async function status(): Promise<StatusReport> {
  const { stdout } = await runCommandLine(["status", "--json", "--data-dir", fixture.runner.dataDir]);
  return StatusReport.parse(JSON.parse(stdout));
}

async function run(job: Job): Promise<void> {
  plane.offer(job);
  const result = await plane.finished(job, 60_000);
  if (result.outcome !== "succeeded") {
    throw new Error(JSON.stringify(result));
  }
}

describe("F24 containers that Docker does not take away", () => {
  test("cost no slot; the runner says how many, takes no more when they pile up, and is well when they go", async ({
    expect,
  }) => {
    proxy.fault = (method, path) => (isRemoval(method, path) ? "refuse" : null);
    for (let index = 0; index < 8; index += 1) {
      await run(plane.job(`echo ${index}`));
    }
    await until("the last of them was tried", async () => (await status()).stuck === 8);
    expect(await containersOf(fixture)).toHaveLength(8);
    expect((await status()).slots).toEqual({ capacity: 2, used: 0 });
    const declined = plane.job("true");
    plane.offer(declined);
    await until("it is declined", () => plane.of("decline").some(({ runId }) => runId === declined.runId));
    expect(plane.of("decline").at(-1)).toMatchObject({
      reason: "not_ready",
      message: "Docker does not take away 8 containers of jobs that have ended here.",
    });
    expect(fixture.runner.events("docker.container_stuck").at(-1)).toMatchObject({
      problem: expect.stringContaining("device or resource busy"),
    });

    proxy.release();
    await until("all are gone", async () => (await status()).stuck === 0, 90_000);
    expect(await containersOf(fixture)).toEqual([]);
    await run(plane.job("true"));
  });

  test("by a removal that never ends hold up neither their runs nor others", async ({ expect }) => {
    proxy.fault = (method, path) => (isRemoval(method, path) ? "hang" : null);
    const jobs = [1, 2, 3].map((number) => plane.job(`echo ${number}`));
    for (const job of jobs) {
      plane.offer(job);
      await until("its result is here", () => plane.exited(job).length > 0);
    }
    expect((await status()).slots.used).toBe(0);
    await until("each of them is done", () => jobs.every((job) => plane.done(job).length > 0), 60_000);
    await until("they count as stuck", async () => (await status()).stuck === 3, 60_000);
    expect(await containersOf(fixture)).toHaveLength(3);
  });

  test("because a process outlives SIGKILL end their runs all the same, and the run says so", async ({ expect }) => {
    const job = plane.job("trap '' TERM; echo ready; while true; do sleep 0.1; done");
    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");
    proxy.fault = (method, path) =>
      isRemoval(method, path)
        ? "refuse"
        : path.endsWith("SIGTERM")
          ? "hang"
          : path.endsWith("SIGKILL")
            ? "swallow"
            : null;
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 500 });

    const result = await plane.finished(job, 60_000);
    expect(result).toMatchObject({ outcome: "cancelled", exitCode: null });
    expect(result.message).toMatch(/^The container [0-9a-f]{12} is still there after SIGKILL\.$/);
    expect((await status()).slots.used).toBe(0);
    await run(plane.job("echo next"));
    const stuck = (await containersOf(fixture)).filter(({ State: state }) => state === "running");
    expect(stuck.map(({ Labels: labels }) => labels["cronium.run"])).toEqual([job.runId]);
  });
});
