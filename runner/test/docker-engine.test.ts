import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

/** Stands between the runner and Docker, so that Docker can go away for this runner alone. */
class DockerDoor {
  private readonly path: string;
  private server: Server | null = null;
  private readonly sockets = new Set<Socket>();

  constructor(path: string) {
    this.path = path;
  }

  async open(): Promise<void> {
    // Half-open: a client that has sent its request and closed its side still waits for the answer.
    const server = createServer({ allowHalfOpen: true }, (inner) => {
      const outer = connect({ path: "/var/run/docker.sock", allowHalfOpen: true });
      for (const [socket, other] of [
        [inner, outer],
        [outer, inner],
      ] as const) {
        this.sockets.add(socket);
        socket.pipe(other);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
          this.sockets.delete(socket);
          other.destroy();
        });
      }
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
  }

  async shut(): Promise<void> {
    const { server } = this;
    this.server = null;
    const closed = new Promise((resolve) => server?.close(resolve) ?? resolve(null));
    for (const socket of this.sockets) {
      socket.destroy();
    }
    await closed;
  }
}

let folder: string;
let door: DockerDoor;
let fixture: DockerFixture;
let plane: FakePlane;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-door-"));
  door = new DockerDoor(join(folder, "docker.sock"));
  await door.open();
  fixture = await startDockerFixture([], { DOCKER_HOST: `unix://${folder}/docker.sock` });
  plane = fixture.plane;
});
afterAll(async () => {
  await stopDockerFixture(fixture);
  await door.shut();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => nothingLeft(fixture));

describe("F20 Docker that goes away", () => {
  test("makes the runner unready, fails its job as an infrastructure fault, and is used again when it returns", async ({
    expect,
  }) => {
    const job = plane.job("echo ready; sleep 300");
    plane.offer(job);
    await until("it runs", () => plane.logText(job) === "ready\n");

    await door.shut();
    const result = await plane.finished(job);
    await until("the plane is told", () => plane.of("status").at(-1)?.notReady.includes("docker_down") === true);
    const declined = plane.job("true");
    plane.offer(declined);
    await until("offers are declined", () => plane.of("decline").some(({ runId }) => runId === declined.runId));
    await door.open();
    await until("the plane is told again", () => plane.of("status").at(-1)?.notReady.length === 0);
    const next = plane.job("echo back");
    plane.offer(next);

    expect(await plane.finished(next)).toMatchObject({ outcome: "succeeded" });
    expect(result).toMatchObject({ outcome: "failed", failReason: "daemon", exitCode: null });
    expect(result.message).toContain("Docker stopped answering");
    expect(plane.of("decline").at(-1)).toMatchObject({ reason: "not_ready" });
  });
});
