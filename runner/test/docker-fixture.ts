/** A plane and a real runner on real Docker, shared by the tests of one file, with the checks that follow each test. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Docker from "dockerode";
import { FakePlane } from "./fake-plane.ts";
import { isAlive, RunnerProcess } from "./runner-process.ts";
import { until } from "./until.ts";

const BUILD_IMAGES = fileURLToPath(new URL("../../images/build.sh", import.meta.url));

export interface DockerFixture {
  readonly folder: string;
  readonly docker: Docker;
  readonly plane: FakePlane;
  readonly runner: RunnerProcess;
}

/**
 * Makes the images if need be, starts both, and waits until the runner takes container jobs. No containers are kept
 * ready for jobs to come, unless `flags` says so with another `--warm`. `program`: in place of the source.
 */
export async function startDockerFixture(
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  program?: string,
): Promise<DockerFixture> {
  const folder = mkdtempSync(join(tmpdir(), "cronium-images-"));
  const imagesFile = join(folder, "images.json");
  // Fixed for the whole file: a runner that is started again must not find other tags.
  writeFileSync(imagesFile, execFileSync("bash", [BUILD_IMAGES], { stdio: ["ignore", "pipe", "pipe"] }));
  const plane = await FakePlane.start();
  const own = ["--token", plane.token, "--name", "docker-test", "--capacity", "4", "--warm", "0"];
  const runner = new RunnerProcess([...own, ...flags], { CRONIUM_IMAGES_FILE: imagesFile, ...env }, program);
  const fixture = { folder, docker: new Docker(), plane, runner };
  runner.start();
  try {
    await until("the runner is connected", () => plane.of("hello").length > 0, 60_000);
    await until("its images are ready", () => runner.events("runner.ready").length > 0, 170_000);
  } catch (error) {
    await stopDockerFixture(fixture);
    throw new Error(`The runner did not get ready:\n${runner.output}`, { cause: error });
  }
  return fixture;
}

export async function stopDockerFixture(fixture: DockerFixture): Promise<void> {
  await fixture.runner.destroy();
  await fixture.plane.stop();
  rmSync(fixture.folder, { recursive: true, force: true });
}

export async function containersOf(fixture: DockerFixture): Promise<Docker.ContainerInfo[]> {
  const label = [`cronium.runner=${fixture.plane.runnerId}`];
  return fixture.docker.listContainers({ all: true, filters: { label } });
}

/** Shell text for a job that goes on once `tell` has been called, however long a busy machine takes until then. */
export const UNTIL_TOLD = "until [ -e /tmp/told ]; do sleep 0.1; done";

/** `container`: its id. */
export function tell(container: string | undefined): void {
  execFileSync("docker", ["exec", container ?? "no container", "touch", "/tmp/told"]);
}

/** Kills the runner; its sidecar goes with it. */
export async function killRunner({ runner }: DockerFixture): Promise<void> {
  const sidecar = runner.sidecarPid();
  runner.signal("SIGKILL");
  await runner.exited();
  await until("its sidecar goes with it", () => !isAlive(sidecar));
}

/** Starts a runner that has ended, and waits until it is connected. */
export async function restartRunner({ plane, runner }: DockerFixture): Promise<void> {
  const hellos = plane.of("hello").length;
  runner.start();
  await until("it is back", () => plane.of("hello").length > hellos);
}

/** Container, socket folder and spool of every job are gone, and the plane saw nothing wrong. */
export async function nothingLeft(fixture: DockerFixture): Promise<void> {
  const { plane, runner } = fixture;
  await until("no container is left", async () => (await containersOf(fixture)).length === 0);
  await until("no socket folder is left", () => runner.socketFolders().length === 0);
  await until("no spool is left", () => runner.spoolFolders().length === 0);
  await until("the journal holds no attempt", () => openAttempts(runner).length === 0);
  if (plane.problems.length > 0) {
    throw new Error(plane.problems.join("\n"));
  }
}

function openAttempts(runner: RunnerProcess): string[] {
  const open = new Set<string>();
  for (const line of readFileSync(`${runner.dataDir}/journal.log`, "utf8").split("\n").filter(Boolean)) {
    const record = JSON.parse(line.slice(9)) as { type: string; runId: string };
    if (record.type === "accepted") {
      open.add(record.runId);
    } else if (record.type === "dropped") {
      open.delete(record.runId);
    }
  }
  return [...open];
}
