import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import Docker from "dockerode";
import { afterEach, describe, test } from "vitest";
import { wasOomKilled } from "../src/executors/docker/oom.ts";

const BUILD_IMAGES = fileURLToPath(new URL("../../images/build.sh", import.meta.url));
const docker = new Docker();
let container: Docker.Container;

/** Runs a shell command under 32 MB until it has ended; returns its exit code. */
async function runToEnd(command: string): Promise<number> {
  const tags = JSON.parse(execFileSync("bash", [BUILD_IMAGES, "bash"]).toString()) as { bash: string };
  const memory = 32 * 1_048_576;
  container = await docker.createContainer({
    Image: tags.bash,
    Entrypoint: ["/bin/bash", "-c", command],
    NetworkDisabled: true,
    HostConfig: { Memory: memory, MemorySwap: memory },
  });
  await container.start();
  return ((await container.wait()) as { StatusCode: number }).StatusCode;
}

/** The same container on an engine whose flag came too late. */
function withoutFlag(real: Docker.Container): Docker.Container {
  return Object.create(real, {
    inspect: { value: async () => ({ State: { OOMKilled: false } }) },
  }) as Docker.Container;
}

afterEach(() => container.remove({ force: true }));

describe("F23 a container that ended with 137", () => {
  test("was killed for memory when the engine's event says so, also without its flag", async ({ expect }) => {
    const code = await runToEnd("x=$(head -c 200M /dev/zero | tr '\\0' a); echo ${#x}");

    expect(code).toBe(137);
    expect(await wasOomKilled(docker, withoutFlag(container))).toBe(true);
  });

  test("was not when it killed itself", async ({ expect }) => {
    const code = await runToEnd("kill -9 $$; sleep 1; exit 137");

    expect(code).toBe(137);
    expect(await wasOomKilled(docker, container)).toBe(false);
  });
});
