/** F20: the Docker Engine stops in the middle of a job and comes back. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { imageTags, makeDockerDaemon, type DockerDaemon } from "./docker-daemon.ts";
import { startPlane, type Plane } from "./plane.ts";
import { ROOT } from "./processes.ts";
import { startRunner, type RunnerProcess } from "./runner-process.ts";
import { eventually } from "./wait.ts";

describe("a Docker Engine that stops", () => {
  let plane: Plane;
  let daemon: DockerDaemon;
  let runner: RunnerProcess;

  beforeAll(async () => {
    daemon = makeDockerDaemon();
    await daemon.start();
    for (const tag of Object.values(imageTags(ROOT))) {
      await daemon.copyImage(tag);
    }
    plane = await startPlane();
    runner = await startRunner(plane, { executor: "docker", env: { DOCKER_HOST: daemon.host } });
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
    await eventually("the first attempt to print", 60_000, async () => (await plane.logOf(run)).includes("attempt 1"));

    await daemon.stop();
    const waiting = await eventually("the run to wait for its retry", 60_000, async () => {
      const { body } = await plane.call("GET", `/runs/${run}`);
      if (body.finishedAt !== null) {
        throw new Error(`The run ended instead: ${body.failReason}: ${body.message}`);
      }
      return body.state === "queued" ? body : null;
    });
    expect(waiting.attempts[0]).toMatchObject({ attempt: 1, failReason: "daemon" });
    expect(waiting.message).toBeTruthy();
    const runners = await eventually("the runner to say that Docker is down", 60_000, async () => {
      const { body } = await plane.call("GET", "/runners");
      return body.items[0].notReady.includes("docker_down") ? body.items : null;
    });
    expect(runners[0].state).toBe("online");

    const second = await trigger(plane, 'echo late; cronium_output "$CRONIUM_ATTEMPT"');
    const held = await plane.call("GET", `/runs/${second}`);
    expect(held.body).toMatchObject({ state: "queued", queueReason: "runner_not_ready" });
    expect(held.body.message).toContain("Docker");

    await daemon.start();
    for (const id of [run, second]) {
      const done = await eventually(`run ${id} to end`, 90_000, async () => {
        const { body } = await plane.call("GET", `/runs/${id}`);
        return body.finishedAt === null ? null : body;
      });
      // Which attempt got through depends on when the engine was noticed; that the run's result is that attempt's does not.
      expect(done).toMatchObject({ state: "succeeded", output: done.attempt });
    }
    await eventually("containers, sockets and spools to be gone", 30_000, async () => {
      const containers = await daemon.client.listContainers({ all: true });
      return containers.length === 0 && leftFiles(runner.dataDir).length === 0;
    });
  });
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
