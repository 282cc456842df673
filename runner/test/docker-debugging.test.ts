import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { InspectReport, StatusReport } from "../src/control/messages.ts";
import { type Outcome, runCommandLine } from "./command-line.ts";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

let fixture: DockerFixture;
let plane: FakePlane;

beforeAll(async () => {
  fixture = await startDockerFixture(["--keep-failed", "2"]);
  plane = fixture.plane;
});
afterAll(() => stopDockerFixture(fixture));
afterEach(() => nothingLeft(fixture));

const say = (args: readonly string[], stdin?: string): Promise<Outcome> =>
  runCommandLine(
    [...args, "--data-dir", fixture.runner.dataDir],
    // Docker's own client needs nothing of this machine's settings.
    stdin === undefined ? {} : { stdin },
  );
const isThere = (name: string): Promise<boolean> =>
  fixture.docker
    .getContainer(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );

/** Runs a job that fails; the name of the container that it leaves. */
async function fail(keepFailedMs: number): Promise<{ runId: string; name: string }> {
  const job = plane.job("echo broken; exit 3", { container: { keepFailedMs } });
  plane.offer(job);
  const result = await plane.finished(job);
  const [, name = ""] = /kept on the runner as (\S+) until/.exec(plane.logText(job, "system")) ?? [];
  if (result.exitCode !== 3 || !name.includes(job.runId)) {
    throw new Error(`It ended as ${JSON.stringify(result)}, and its log says: ${plane.logText(job, "system")}`);
  }
  return { runId: job.runId, name };
}

async function restart(): Promise<void> {
  fixture.runner.signal("SIGTERM");
  await fixture.runner.exited();
  const connections = plane.of("hello").length;
  fixture.runner.start();
  await until("it is back", () => plane.of("hello").length > connections);
}

describe("a failed run that is to be looked at", () => {
  test("leaves its container; inspect and status tell of it, also after a restart, and a shell is like the job's", async ({
    expect,
  }) => {
    const { runId, name } = await fail(600_000);
    const { State: state } = await fixture.docker.getContainer(name).inspect();
    expect(state).toMatchObject({ Running: false, ExitCode: 3 });
    await restart();

    const { stdout } = await say(["inspect", runId]);
    for (const words of [`docker logs ${name}`, `docker export --output ${name}.tar ${name}`, "docker run --rm -it"]) {
      expect(stdout).toContain(words);
    }
    const report = InspectReport.parse(JSON.parse((await say(["inspect", runId, "--json"])).stdout));
    expect(report.kept).toMatchObject([{ runId, attempt: 1, name }]);
    const left = Date.parse(report.kept[0]?.until ?? "") - Date.now();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(601_000);
    const status = StatusReport.parse(JSON.parse((await say(["status", "--json"])).stdout));
    expect(status.kept).toMatchObject([{ runId, name }]);
    expect((await say(["status"])).stdout).toContain(name);

    const shell = await say(
      ["inspect", "--shell", runId],
      "id -u; ls /sys/class/net; touch /usr/x; python3 -V; exit 7\n",
    );
    expect(shell).toMatchObject({ code: 7, stderr: expect.stringContaining("Read-only file system") });
    expect(shell.stdout.split("\n").slice(0, 2)).toEqual(["10001", "lo"]);

    await fixture.docker.getContainer(name).remove();
    expect(await say(["inspect", runId])).toMatchObject({ code: 2, stderr: expect.stringContaining(runId) });
  });

  test("makes room for those that failed later, where there are as many as may be", async ({ expect }) => {
    const names: string[] = [];
    for (let index = 0; index < 3; index += 1) {
      names.push((await fail(600_000)).name);
    }
    const [first = "", second = "", third = ""] = names;
    await until("the first has gone", async () => !(await isThere(first)));
    expect([await isThere(second), await isThere(third)]).toEqual([true, true]);
    await Promise.all([second, third].map((name) => fixture.docker.getContainer(name).remove()));
  });

  test("is gone when its time is over, by a process that started later; and one that succeeds leaves nothing", async ({
    expect,
  }) => {
    const { name } = await fail(4_000);
    await until("its time is over", () => Date.now() > Number(/-(\d+)$/.exec(name)?.[1]) * 1_000);
    await restart();
    await until("it is gone", async () => !(await isThere(name)));
    const fine = plane.job("true", { container: { keepFailedMs: 4_000 } });
    plane.offer(fine);
    expect(await plane.finished(fine)).toMatchObject({ outcome: "succeeded" });
    expect(plane.logText(fine, "system")).toBe("");
  });
});
