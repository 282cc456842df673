/** F20: the Docker Engine stops in the middle of a job and comes back, also while its runner starts anew. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Run } from "@cronium/protocol";
import { afterAll, beforeAll, describe, it } from "vitest";
import { imageTags, makeDockerDaemon, type DockerDaemon } from "./docker-daemon.ts";
import { startPlane, type Plane } from "./plane.ts";
import { ROOT } from "./processes.ts";
import { startRunner, type RunnerProcess } from "./runner-process.ts";
import { eventually } from "./wait.ts";

/** Longer than an engine takes to start. */
const LEASES = { SHORT_LEASES: "yes", LEASE_MS: "60000", RENEW_MS: "500", OFFER_TIMEOUT_MS: "2000" };
/** Above what all three retries may wait by full jitter (5 s, 40 s, 5 min), though one is expected. */
const ENDED_WITHIN_MS = 400_000;
const TEST_MS = 600_000;
/** Containers kept started for jobs to come; they go with the engine and come back with it. */
const WARM = 1;

describe("a Docker Engine that stops", { timeout: TEST_MS }, () => {
  let plane: Plane;
  let daemon: DockerDaemon;
  let runner: RunnerProcess;

  beforeAll(async () => {
    daemon = makeDockerDaemon();
    await daemon.start();
    for (const tag of Object.values(imageTags(ROOT))) {
      await daemon.copyImage(tag);
    }
    plane = await startPlane(LEASES);
    runner = await startRunner(plane, { executor: "docker", warm: WARM, env: { DOCKER_HOST: daemon.host } });
  });
  afterAll(async () => {
    await runner.stop();
    await plane.stop();
    await daemon.remove();
  });

  it("F20 ends the attempt with a reason, holds new runs back with a reason, and both succeed once it is back", async ({
    expect,
  }) => {
    const script =
      'echo attempt $CRONIUM_ATTEMPT; if [ "$CRONIUM_ATTEMPT" = 1 ]; then sleep 300; fi; cronium_output "$CRONIUM_ATTEMPT"';
    const run = await trigger(plane, script);
    await eventually("the first attempt to print", 120_000, async () => (await plane.logOf(run)).includes("attempt 1"));

    await daemon.stop();
    const waiting = await eventually("the run to wait for its retry", 120_000, async () => {
      const { body } = await plane.call("GET", `/runs/${run}`);
      if (body.finishedAt !== null) {
        throw new Error(`The run ended instead: ${body.failReason}: ${body.message}`);
      }
      return body.state === "queued" ? body : null;
    });
    expect(waiting.attempts[0]).toMatchObject({ attempt: 1, failReason: "daemon" });
    expect(waiting.message).toBeTruthy();
    expect((await dockerDown()).state).toBe("online");

    const second = await trigger(plane, 'echo late; cronium_output "$CRONIUM_ATTEMPT"');
    const held = await plane.call("GET", `/runs/${second}`);
    expect(held.body).toMatchObject({ state: "queued", queueReason: "runner_not_ready" });
    expect(held.body.message).toContain("Docker");

    await daemon.start();
    // No attempt went to an engine that was about to stop: the runner says so before it reports the attempt.
    expect(await ended(run)).toMatchObject({ state: "succeeded", output: 2, attempt: 2 });
    expect(await ended(second)).toMatchObject({ state: "succeeded", output: 1, attempt: 1 });
    await nothingLeft();
  });

  it("F20 that is away while the runner starts anew loses no job: it waits, not ready, and goes on with the container", async ({
    expect,
  }) => {
    await daemon.stop();
    await daemon.start({ liveRestore: true });
    await ready();
    const script = `for i in $(seq 1 200); do echo line $i; sleep 0.1; done; cronium_output "$CRONIUM_ATTEMPT"`;
    const run = await trigger(plane, script);
    await eventually("it prints", 120_000, async () => (await plane.logOf(run)).includes("line 3\n"));

    await runner.kill();
    await daemon.stop();
    runner.start();
    expect((await dockerDown()).state).toBe("online");
    expect((await plane.call("GET", `/runs/${run}`)).body).toMatchObject({ state: "running", attempt: 1 });
    await daemon.start({ liveRestore: true });

    expect(await ended(run)).toMatchObject({ state: "succeeded", output: 1, attempt: 1, logState: "complete" });
    const lines = Array.from({ length: 200 }, (_value, index) => `line ${index + 1}\n`);
    expect((await plane.logOf(run)).toString()).toBe(lines.join(""));
    await nothingLeft();
  });

  it("F20 that took the job with it while the runner was away ends the attempt with a reason, and it is tried again", async ({
    expect,
  }) => {
    await daemon.stop();
    await daemon.start();
    await ready();
    const script = `echo attempt $CRONIUM_ATTEMPT; [ "$CRONIUM_ATTEMPT" != 1 ] || sleep 300; cronium_output "$CRONIUM_ATTEMPT"`;
    const run = await trigger(plane, script);
    await eventually("it prints", 120_000, async () => (await plane.logOf(run)).includes("attempt 1"));

    await runner.kill();
    await daemon.stop();
    runner.start();
    await dockerDown();
    expect((await plane.call("GET", `/runs/${run}`)).body).toMatchObject({ state: "running", attempt: 1 });
    await daemon.start();

    const done = await ended(run);
    expect(done).toMatchObject({ state: "succeeded", output: 2, attempt: 2 });
    expect(done.attempts[0]).toMatchObject({ attempt: 1, failReason: "daemon" });
    await nothingLeft();
  });

  function dockerDown(): Promise<{ state: string }> {
    return eventually("the runner to say that Docker is down", 120_000, async () => {
      const { body } = await plane.call("GET", "/runners");
      const [one] = body.items;
      return one.state !== "offline" && one.notReady.includes("docker_down") ? one : null;
    });
  }

  function ready(): Promise<boolean> {
    return eventually("the runner to be ready", 120_000, async () => {
      const [one] = (await plane.call("GET", "/runners")).body.items;
      return one.state === "online" && one.notReady.length === 0;
    });
  }

  async function ended(id: string): Promise<Run> {
    let last: unknown = null;
    try {
      return await eventually(`run ${id} to end`, ENDED_WITHIN_MS, async () => {
        const { body } = await plane.call("GET", `/runs/${id}`);
        last = body;
        return body.finishedAt === null ? null : (body as Run);
      });
    } catch (error) {
      const [seen, runners] = [JSON.stringify(last, null, 2), (await plane.call("GET", "/runners")).body.items];
      const rest = `Runners: ${JSON.stringify(runners)}\nRunner's log:\n${runner.output()}`;
      throw new Error(`Run ${id} did not end. Last seen: ${seen}\n${rest}`, { cause: error });
    }
  }

  function nothingLeft(): Promise<boolean> {
    return eventually("the containers and spools of jobs to be gone", 120_000, async () => {
      const containers = await daemon.client.listContainers({ all: true });
      const waiting = containers.filter(
        ({ Names, State }) => State === "running" && Names.every((name) => name.startsWith("/cronium-slot-")),
      );
      const gone = containers.length === waiting.length && waiting.length <= WARM;
      return gone && leftFiles(runner.dataDir).length === 0;
    });
  }
});

/** Spool files of jobs that have ended. */
function leftFiles(dataDir: string): readonly string[] {
  try {
    return readdirSync(join(dataDir, "spool"));
  } catch {
    return [];
  }
}

async function trigger(plane: Plane, script: string): Promise<string> {
  const { status, body } = await plane.call("POST", "/runs", { kind: "script", runtime: "bash", script });
  if (status !== 202) {
    throw new Error(`The run was not accepted: ${JSON.stringify(body)}`);
  }
  return body.runId as string;
}
