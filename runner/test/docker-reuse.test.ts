/** Containers that serve several runs of one event, for events that ask for it, on a real engine. */
import { readFileSync } from "node:fs";
import type { Job } from "@cronium/protocol";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import {
  containersOf,
  type DockerFixture,
  startDockerFixture,
  stopDockerFixture,
  killRunner,
  restartRunner,
} from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

let fixture: DockerFixture;
let plane: FakePlane;

beforeAll(async () => {
  fixture = await startDockerFixture(["--warm", "3"]);
  plane = fixture.plane;
});
afterAll(() => stopDockerFixture(fixture));
afterEach(() => until("no spool is left", () => fixture.runner.spoolFolders().length === 0));

type Options = NonNullable<Parameters<FakePlane["job"]>[1]>;

/** A job of an event that lets its runs follow one another in a container. */
function job(script: string, options: Options = {}, event: Partial<Job> = {}): Job {
  const made = plane.job(script, { container: { reuse: true }, ...options });
  return { ...made, eventId: `evt_${made.definition.runtime}`, eventVersion: 1, ...event };
}

async function run(one: Job): Promise<Job> {
  plane.offer(one);
  await plane.finished(one);
  await until("it is done", () => plane.done(one).length > 0);
  return one;
}

/** The slot that the journal, which is compacted at starts alone, names for this job. */
function slotOf(one: Job): string {
  const lines = readFileSync(`${fixture.runner.dataDir}/journal.log`, "utf8").split("\n").filter(Boolean);
  const records = lines.map((line) => JSON.parse(line.slice(9)) as { type: string; runId: string; slot: string });
  return records.find(({ type, runId }) => type === "accepted" && runId === one.runId)?.slot ?? "none";
}

/** Leaves files, processes and variables behind, and says what it finds of others. */
const PROBES = {
  bash: [
    "find /tmp /workspace /dev/shm -mindepth 1 | grep -v main.sh; env | grep ^LEFT; set -- /proc/[0-9]*; echo procs $#",
    "mkdir -p /tmp/a/b; touch /tmp/.left /workspace/left '/tmp/ left' /dev/shm/left; chmod 500 /workspace; export LEFT=1",
    "(trap '' TERM HUP; while :; do sleep 1; done) >/dev/null 2>&1 & disown",
    "printf 'no newline'",
  ].join("\n"),
  python: [
    "import os, sys, builtins, subprocess",
    "print(sorted(os.listdir('/tmp') + os.listdir('/workspace') + os.listdir('/dev/shm')), [k for k in os.environ if k.startswith('LEFT')], hasattr(builtins, 'left'), os.getcwd())",
    "print(len([p for p in os.listdir('/proc') if p.isdigit()]))",
    "os.environ['LEFT'] = '1'; builtins.left = 1; os.makedirs('/tmp/a/b'); open('/dev/shm/left', 'w').write('x')",
    "open('/workspace/left', 'w').write('left'); os.symlink('/etc', '/workspace/link'); os.chdir('/tmp')",
    "subprocess.Popen(['sleep', '300'], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)",
  ].join("\n"),
  node: [
    "import { readdirSync, writeFileSync, symlinkSync } from 'node:fs'; import { spawn } from 'node:child_process';",
    "console.log(readdirSync('/tmp'), readdirSync('/workspace'), readdirSync('/dev/shm'), Object.keys(process.env).filter((k) => k.startsWith('LEFT')), globalThis.left, readdirSync('/proc').filter((n) => /^[0-9]+$/.test(n)).length);",
    "globalThis.left = 1; writeFileSync('/tmp/left', 'left'); writeFileSync('/workspace/left', 'left'); symlinkSync('/etc', '/tmp/link');",
    "spawn('sleep', ['300'], { detached: true, stdio: 'ignore' }).unref();",
  ].join("\n"),
} as const;

describe("an event that lets its runs follow one another", () => {
  test.for(["bash", "python", "node"] as const)(
    "F40 runs them in one container, in %s, and each finds nothing of those before",
    async (runtime, { expect }) => {
      const first = await run(job(PROBES[runtime], { runtime, env: { LEFT: "1" } }));
      const later: Job[] = [];
      for (let i = 0; i < 3; i += 1) {
        later.push(await run(job(PROBES[runtime], { runtime, env: { LEFT: "1" } })));
      }
      expect(new Set([first, ...later].map(slotOf)).size).toBe(1);
      for (const one of later) {
        expect(plane.exited(one)[0]?.result).toMatchObject({ outcome: "succeeded", exitCode: 0 });
        expect(plane.logText(one)).toBe(plane.logText(first));
        expect(plane.logText(one)).not.toContain("cronium ended");
        expect(plane.done(one)[0]).toMatchObject({ logState: "complete" });
      }
    },
  );

  test.for(["bash", "python", "node"] as const)(
    "hands each its own input and takes its own output, in %s",
    async (runtime, { expect }) => {
      const script = {
        bash: 'cronium_output "$(cronium_input)"',
        python: "import cronium\ncronium.output(cronium.input())",
        node: "import { input, output } from '@cronium/sdk';\nawait output(await input());",
      }[runtime];
      const jobs: Job[] = [];
      for (let i = 0; i < 3; i += 1) {
        jobs.push(await run(job(script, { runtime, input: { i } })));
      }
      expect(jobs.map((one) => plane.exited(one)[0]?.result.output)).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
      expect(new Set(jobs.map(slotOf)).size).toBe(1);
    },
  );

  test("T2 shares nothing with another event, version or workspace, or with a run that did not ask", async ({
    expect,
  }) => {
    const mine = await run(job("echo mine"));
    const others = [
      job("echo event", {}, { eventId: "evt_other" }),
      job("echo version", {}, { eventVersion: 2 }),
      job("echo workspace", {}, { workspaceId: "ws_other" }),
      job("echo alone", { container: { reuse: false } }),
      job("echo ad hoc", {}, { eventId: null, eventVersion: null }),
      job("echo limits", { memoryMb: 96 }),
    ];
    for (const other of others) {
      await run(other);
      expect(slotOf(await run(job("echo mine again")))).toBe(slotOf(mine));
    }
    expect(new Set([mine, ...others].map(slotOf)).size).toBe(7);
  });

  test("gets a new container after a run that failed, was cancelled or timed out", async ({ expect }) => {
    const ends: [Job, object][] = [
      [job("echo bad; exit 3"), { outcome: "failed", failReason: "exit_code", exitCode: 3 }],
      [job("kill -9 $$"), { outcome: "failed", failReason: "signal", signal: "SIGKILL" }],
      [
        job("trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done", { timeoutMs: 1_500 }),
        { outcome: "timed_out" },
      ],
      [
        job("x = bytearray(400 * 1024 * 1024)", { runtime: "python", memoryMb: 64 }),
        { failReason: "oom", exitCode: 137 },
      ],
      [job("import os; os.kill(os.getpid(), 11)", { runtime: "python" }), { failReason: "signal", signal: "SIGSEGV" }],
      [job("process.exit(7)", { runtime: "node" }), { failReason: "exit_code", exitCode: 7 }],
    ];
    for (const [bad, end] of ends) {
      const options = { runtime: bad.definition.runtime, memoryMb: bad.definition.memoryMb };
      const before = await run(job({ bash: "true", python: "pass", node: "0" }[options.runtime], options));
      await run(bad);
      const after = await run(job({ bash: "true", python: "pass", node: "0" }[options.runtime], options));

      expect(plane.exited(bad)[0]?.result).toMatchObject(end);
      expect(slotOf(bad)).toBe(slotOf(before));
      expect(slotOf(after)).not.toBe(slotOf(bad));
    }
  });

  test("F32 goes on with a new sidecar", async ({ expect }) => {
    const first = await run(job("echo 1"));
    const sidecar = fixture.runner.sidecarPid();
    process.kill(sidecar, "SIGKILL");
    await until("there is another", () => fixture.runner.sidecarPid() !== sidecar);
    const second = await run(job("echo 2; cronium_output 2"));

    expect(plane.exited(second)[0]?.result).toMatchObject({ outcome: "succeeded", output: 2 });
    expect(slotOf(second)).toBe(slotOf(first));
    expect(plane.logText(second)).toBe("2\n");
  });

  test("F1 goes on with its run when the runner is killed, and no byte of another run is in its log", async ({
    expect,
  }) => {
    const first = await run(job("seq 1 2000; printf 'no newline'"));
    const second = job(
      "for i in $(seq 1 30); do echo line $i; echo err $i >&2; sleep 0.1; done; cronium_output '\"kept\"'",
    );
    plane.offer(second);
    await until("it prints", () => plane.logText(second).includes("line 3\n"));
    expect(slotOf(second)).toBe(slotOf(first));
    await killRunner(fixture);
    await restartRunner(fixture);

    expect(await plane.finished(second)).toMatchObject({ outcome: "succeeded", output: "kept" });
    const lines = (word: string): string =>
      Array.from({ length: 30 }, (_value, index) => `${word} ${index + 1}\n`).join("");
    expect(plane.logText(second, "stdout")).toBe(lines("line"));
    expect(plane.logText(second, "stderr")).toBe(lines("err"));
    await until("it is done", () => plane.done(second).length > 0);
    expect(plane.done(second)[0]).toMatchObject({ logState: "complete" });
    await until("its container is gone", async () => (await containersOf(fixture)).length === 0);
  });

  test("leaves no container when the runner goes", async ({ expect }) => {
    await run(job("echo 1"));
    expect((await containersOf(fixture)).length).toBeGreaterThan(0);
    fixture.runner.signal("SIGTERM");
    expect(await fixture.runner.exited()).toBe(0);
    expect(await containersOf(fixture)).toEqual([]);
    await restartRunner(fixture);
  });
});

describe("an isolated run", () => {
  test.for([
    [
      "python",
      "import sys\nprint('shutil' in sys.modules, sys.argv, __name__)",
      "False ['/workspace/main.py'] __main__\n",
    ],
    ["node", "console.log(process.uptime() < 2, process.argv[1]);", "true /workspace/main.ts\n"],
    ["bash", 'echo "$0"', "/workspace/main.sh\n"],
  ] as const)(
    "gets an interpreter of its own in %s, also in a container that waited",
    async ([runtime, script, text], { expect }) => {
      const isolated = { runtime, container: { isolated: true } };
      await run(plane.job(script, isolated));
      await until("one waits", async () =>
        (await containersOf(fixture)).some(
          ({ Names, State }) => State === "running" && Names.some((name) => name.startsWith("/cronium-slot-")),
        ),
      );
      const one = await run(plane.job(script, isolated));

      expect(plane.logText(one)).toBe(text);
      expect(fixture.runner.events("pool.lent").some(({ runId }) => runId === one.runId)).toBe(true);
    },
  );
});
