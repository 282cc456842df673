/** Containers that are started before their jobs come, on a real engine. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job } from "@cronium/protocol";
import { DEFAULT_MEMORY_MB } from "@cronium/protocol/limits";
import type { ContainerInfo } from "dockerode";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import {
  containersOf,
  type DockerFixture,
  nothingLeft,
  startDockerFixture,
  stopDockerFixture,
  killRunner,
  restartRunner,
  tell,
  UNTIL_TOLD,
} from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

let folder: string;
let fixture: DockerFixture;
let plane: FakePlane;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-warm-"));
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, 'images: ["cronium-test/*"]\nwarm: 2\n');
  fixture = await startDockerFixture(["--warm", "9", "--policy", policy]);
  plane = fixture.plane;
});
afterAll(async () => {
  await stopDockerFixture(fixture);
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await until("the jobs' containers are gone", async () => (await taken()).length === 0);
  await until("no spool is left", () => fixture.runner.spoolFolders().length === 0);
});

/** Leaves traces in every way that a script can, and says what it finds of others. */
const PROBES = {
  bash: [
    "ls -A /tmp /workspace; env | grep -c ^LEFT; ps -o comm= -u 10001 | grep -c sleep; cat /dev/shm/* 2>&1 | grep -c left",
    "echo left >/tmp/left; echo left >/workspace/left; echo left >/dev/shm/left; export LEFT=1; sleep 300 &",
  ].join("\n"),
  python: [
    "import os, sys, builtins, subprocess",
    "print(sorted(os.listdir('/tmp') + os.listdir('/workspace')), [k for k in os.environ if k.startswith('LEFT')], hasattr(builtins, 'left'))",
    "os.environ['LEFT'] = '1'; builtins.left = 1",
    "open('/tmp/left', 'w').write('left'); open('/workspace/left', 'w').write('left')",
    "subprocess.Popen(['sleep', '300'], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)",
  ].join("\n"),
  node: [
    "import { readdirSync, writeFileSync } from 'node:fs'; import { spawn } from 'node:child_process';",
    "console.log(readdirSync('/tmp'), readdirSync('/workspace'), Object.keys(process.env).filter((k) => k.startsWith('LEFT')), globalThis.left);",
    "process.env.LEFT = '1'; globalThis.left = 1; writeFileSync('/tmp/left', 'left'); writeFileSync('/workspace/left', 'left');",
    "spawn('sleep', ['300'], { detached: true, stdio: 'ignore' }).unref();",
  ].join("\n"),
} as const;

describe("a container that waits", () => {
  test.for(["bash", "python", "node"] as const)(
    "F40 takes the next job of its kind, once, in %s, and shows it nothing of another",
    async (runtime, { expect }) => {
      const cold = await run(plane.job(PROBES[runtime], { runtime }));
      await oneWaits({ runtime });
      const slots: unknown[] = [];
      for (let i = 0; i < 3; i += 1) {
        const warm = await run(plane.job(PROBES[runtime], { runtime }));
        expect(plane.logText(warm)).toBe(plane.logText(cold));
        expect(plane.logText(warm)).toContain("main.");
        expect(plane.logText(warm)).not.toContain("left");
        slots.push(lent(warm)?.["slot"]);
        await oneWaits({ runtime });
      }
      expect(slots).not.toContain(undefined);
      expect(new Set(slots).size).toBe(3);
    },
  );

  test("hands over script, input, output and secrets as a new one does, and nothing of them is in docker inspect", async ({
    expect,
  }) => {
    await run(plane.job("echo 1"));
    await oneWaits();
    const script = `echo "$COLOUR"; cronium_output "$(cronium_input)"; ${UNTIL_TOLD}`;
    const job = plane.job(script, { env: { COLOUR: "it's blue" }, input: { n: [1, "two"] } });
    plane.offer(job);
    await until("it prints", () => plane.logText(job) !== "");
    await until("it has the name of its run", async () => (await taken()).length === 1);
    const [named] = await taken();
    const inspected = JSON.stringify(await fixture.docker.getContainer(named?.Id ?? "").inspect());
    tell(named?.Id);

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded", output: { n: [1, "two"] } });
    expect(plane.logText(job)).toBe("it's blue\n");
    expect(named?.Names).toContain(`/cronium-${job.runId}-1`);
    expect(named?.Labels["cronium.slot"]).toBe(lent(job)?.["slot"]);
    expect(inspected).not.toContain("COLOUR");
    expect(inspected).not.toContain("CRONIUM_TOKEN");
  });

  test("loses no byte of a job that prints at once and ends", async ({ expect }) => {
    for (const runtime of ["bash", "python"] as const) {
      await run(plane.job({ bash: "true", python: "pass" }[runtime], { runtime }));
      await oneWaits({ runtime });
      const script = { bash: "seq 1 20000", python: "print(*range(1, 20001), sep='\\n')" }[runtime];
      const job = await run(plane.job(script, { runtime }));
      expect(plane.logText(job)).toBe(Array.from({ length: 20_000 }, (_value, index) => `${index + 1}\n`).join(""));
    }
  });

  test("serves no job with other limits", async ({ expect }) => {
    await run(plane.job("true"));
    await oneWaits();
    const job = await run(
      plane.job("cat /sys/fs/cgroup/memory.max || cat /sys/fs/cgroup/memory/memory.limit_in_bytes", { memoryMb: 96 }),
    );

    expect(lent(job)).toBeUndefined();
    expect(plane.logText(job, "stdout")).toBe(`${96 * 1_048_576}\n`);
  });

  test("is kept in a user's image too, once a job has run there, and only where its tag stays", async ({ expect }) => {
    const tags = JSON.parse(readFileSync(join(fixture.folder, "images.json"), "utf8")) as { bash: string };
    const own = { memoryMb: 72 };
    const jobIn = (image: string): Promise<Job> =>
      run(plane.job("cronium_output 1", { ...own, container: { image, pull: "never" } }));
    const image = fixture.docker.getImage(tags.bash);
    try {
      for (const tag of ["1.0", "latest"]) {
        await image.tag({ repo: "cronium-test/app", tag });
      }
      await jobIn("cronium-test/app:1.0");
      await jobIn("cronium-test/app:1.0");
      await oneWaits(own);
      const warm = await jobIn("cronium-test/app:1.0");
      expect(lent(warm)).toBeDefined();
      expect(plane.exited(warm)[0]?.result).toMatchObject({ outcome: "succeeded", output: 1 });
      const moving = [await jobIn("cronium-test/app:latest"), await jobIn("cronium-test/app:latest")];
      expect(moving.map(lent)).toEqual([undefined, undefined]);
    } finally {
      for (const tag of ["1.0", "latest"]) {
        await fixture.docker.getImage(`cronium-test/app:${tag}`).remove({ force: true });
      }
    }
  });

  test("is no more often there than the local policy lets it be", async ({ expect }) => {
    await Promise.all(Array.from({ length: 4 }, () => run(plane.job("sleep 0.5"))));
    await oneWaits();
    await run(plane.job("true"));
    await until("two wait", async () => (await unnamed()).length === 2);
    expect(fixture.runner.events("pool.made").every((event) => Number(event["waiting"]) <= 2)).toBe(true);
  });

  test("F23 is told to be out of memory, cancelled or timed out as any other", async ({ expect }) => {
    const small = { runtime: "python", memoryMb: 64 } as const;
    await run(plane.job("print(1)", small));
    await oneWaits(small);
    const oom = plane.job("x = bytearray(400 * 1024 * 1024)", small);
    plane.offer(oom);
    expect(await plane.finished(oom)).toMatchObject({ outcome: "failed", failReason: "oom", exitCode: 137 });

    await run(plane.job("true"));
    await oneWaits();
    const late = plane.job("exec sleep 300", { timeoutMs: 1_000 });
    plane.offer(late);
    expect(await plane.finished(late)).toMatchObject({ outcome: "timed_out", failReason: "timeout" });

    await oneWaits();
    const unwanted = plane.job("echo ready; exec sleep 300");
    plane.offer(unwanted);
    await until("it prints", () => plane.logText(unwanted) !== "");
    plane.send({ type: "cancel", runId: unwanted.runId, attempt: 1, reason: "user", graceMs: 1_000 });
    expect(await plane.finished(unwanted)).toMatchObject({ outcome: "cancelled" });
    for (const job of [oom, late, unwanted]) {
      expect(lent(job)).toBeDefined();
    }
  });

  test("is made again when somebody removes it, and the job in between starts cold", async ({ expect }) => {
    await run(plane.job("echo 1"));
    await oneWaits();
    const before = await idle();
    await Promise.all(before.map(({ Id }) => fixture.docker.getContainer(Id).remove({ force: true })));
    await until("the runner knows", () => fixture.runner.events("pool.slot_ended").length >= before.length);
    const job = await run(plane.job("echo cold"));

    expect(plane.logText(job)).toBe("cold\n");
    await oneWaits();
    expect((await idle()).map(({ Id }) => Id)).not.toContain(before[0]?.Id);
  });

  test("F32 outlives the sidecar, and takes a job from the next one", async ({ expect }) => {
    await run(plane.job("echo 1"));
    await oneWaits();
    const before = await idle();
    const sidecar = fixture.runner.sidecarPid();
    process.kill(sidecar, "SIGKILL");
    await until("there is another", () => fixture.runner.sidecarPid() !== sidecar);
    const job = await run(plane.job('cronium_output "$(cronium_input)"', { input: 7 }));

    expect(before.map(({ Labels }) => Labels["cronium.slot"])).toContain(lent(job)?.["slot"]);
    expect(plane.exited(job)[0]?.result).toMatchObject({ outcome: "succeeded", output: 7 });
  });
});

describe("a runner with containers that wait", () => {
  test("F1 that is killed leaves its job running for the next process, and those without a job are gone", async ({
    expect,
  }) => {
    await run(plane.job("echo 1"));
    await oneWaits();
    const script = `seq 1 20; ${UNTIL_TOLD}; seq 21 40; cronium_output '"kept"'`;
    const job = plane.job(script);
    plane.offer(job);
    await until("it prints", () => plane.logText(job).includes("20\n"));
    await oneWaits();
    const slot = lent(job)?.["slot"];
    const unused = (await idle()).filter(({ Labels }) => Labels["cronium.slot"] !== slot).map(({ Id }) => Id);
    await killRunner(fixture);
    await restartRunner(fixture);
    const found = await containersOf(fixture);
    const after = found.map(({ Id }) => Id);
    tell(found.find(({ Labels }) => Labels["cronium.slot"] === slot)?.Id);

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded", exitCode: 0, output: "kept" });
    expect(plane.logText(job)).toBe(Array.from({ length: 40 }, (_value, index) => `${index + 1}\n`).join(""));
    expect(lent(job)).toBeDefined();
    expect(plane.of("hello").at(-1)?.held).toEqual([{ runId: job.runId, attempt: 1, state: "running" }]);
    expect(after.filter((id) => unused.includes(id))).toEqual([]);
  });

  test("F1 that is killed in the moment of handing over tells one end of the job, and runs it at most once", async ({
    expect,
  }) => {
    await run(plane.job("echo 1"));
    await oneWaits();
    const job = plane.job("echo ran; cronium_output 1");
    plane.offer(job);
    await until("it is accepted", () =>
      plane.of("accept").some(({ jobs }) => jobs.some(({ runId }) => runId === job.runId)),
    );
    await killRunner(fixture);
    await restartRunner(fixture);
    await until("it has an end", () => plane.exited(job).length > 0 || isLost(job));

    expect(plane.logText(job).split("ran").length - 1).toBeLessThanOrEqual(1);
  });

  test("that is killed and does not come back leaves nothing that runs for long", async ({ expect }) => {
    await run(plane.job("echo 1"));
    await oneWaits();
    await killRunner(fixture);
    await until("they end by themselves", async () => (await unnamed()).every(({ State }) => State === "exited"));
    await restartRunner(fixture);
    await until("and are removed", async () => (await containersOf(fixture)).length === 0);
    expect(await run(plane.job("echo again")).then((job) => plane.logText(job))).toBe("again\n");
  });

  test("removes them when it is told to go", async ({ expect }) => {
    await run(plane.job("echo 1"));
    await oneWaits();
    const { runner } = fixture;
    runner.signal("SIGTERM");
    expect(await runner.exited()).toBe(0);
    expect(await containersOf(fixture)).toEqual([]);
    await restartRunner(fixture);
    await nothingLeft(fixture);
  });
});

/** The control plane was told that it never ran. */
function isLost(job: Job): boolean {
  return (
    plane
      .of("hello")
      .at(-1)
      ?.held.some(({ runId, state }) => runId === job.runId && state === "lost") === true
  );
}

/** What the runner said when it lent a container to this job. */
function lent(job: Job): Record<string, unknown> | undefined {
  return fixture.runner.events("pool.lent").find(({ runId }) => runId === job.runId);
}

async function run(job: Job): Promise<Job> {
  plane.offer(job);
  await plane.finished(job);
  return job;
}

/** Containers without a run's name: those that wait for a job, or have had one for less than a second. */
async function unnamed(): Promise<ContainerInfo[]> {
  return (await containersOf(fixture)).filter(({ Names }) => Names.every((name) => name.startsWith("/cronium-slot-")));
}

async function taken(): Promise<ContainerInfo[]> {
  return (await containersOf(fixture)).filter(({ Names }) => Names.some((name) => !name.startsWith("/cronium-slot-")));
}

interface Kind {
  readonly runtime?: string;
  readonly memoryMb?: number;
}

/** Started containers of a kind that no job has been given. */
async function idle({ runtime = "bash", memoryMb = DEFAULT_MEMORY_MB }: Kind = {}): Promise<ContainerInfo[]> {
  const up = new Set(
    fixture.runner
      .events("pool.up")
      .filter((event) => event["runtime"] === runtime && event["memoryMb"] === memoryMb)
      .map((event) => event["slot"]),
  );
  for (const { slot } of fixture.runner.events("pool.lent")) {
    up.delete(slot);
  }
  return (await unnamed()).filter(({ State, Labels }) => State === "running" && up.has(Labels["cronium.slot"]));
}

async function oneWaits(kind: Kind = {}): Promise<void> {
  await until("one waits", async () => (await idle(kind)).length > 0);
}
