import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import type { Job } from "@cronium/protocol";
import { FakePlane } from "./fake-plane.ts";
import { isAlive, RunnerProcess } from "./runner-process.ts";
import { until } from "./until.ts";

const root = process.getuid?.() === 0;
/** Root drops to an account without rights; anybody else can only be themselves. */
const account = root ? "nobody" : userInfo().username;

let folder: string;
let plane: FakePlane;
let runner: RunnerProcess;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-process-test-"));
  // Scripts of the account look into it.
  chmodSync(folder, 0o755);
  plane = await FakePlane.start();
});
afterEach(async ({ expect }) => {
  const { dataDir } = runner;
  await until("nothing of a job is left", () => readdirSync(join(dataDir, "process")).length === 0).catch(() => {});
  const left = existsSync(join(dataDir, "process")) ? readdirSync(join(dataDir, "process")) : [];
  await runner.destroy();
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(plane.problems).toEqual([]);
  expect(left).toEqual([]);
});

/** A runner whose Docker is not there. */
async function start(policy: string): Promise<void> {
  const file = join(folder, "policy.yaml");
  writeFileSync(file, policy);
  const flags = ["--token", plane.token, "--name", "bare", "--capacity", "4", "--policy", file];
  runner = new RunnerProcess(flags, { DOCKER_HOST: `unix://${folder}/no-docker.sock` });
  runner.start();
  await until("the runner is connected", () => plane.of("hello").length > 0);
}

const allowed = `process: {allow: true, user: ${account}}\n`;

function job(script: string, options: Parameters<FakePlane["job"]>[1] = {}): Job {
  return plane.job(script, { ...options, container: { executor: "process" } });
}

/** Folders that jobs of this machine have now; those of other tests are none of our business. */
function folderOf(path: string): string {
  return path.replace(/\/work\n?$/, "");
}

describe("a script without a container", () => {
  test("runs as the account of the policy, in folders of its own, with the runtime API", async ({ expect }) => {
    await start(allowed);
    const script = `
id -un
pwd
echo hidden >"$TMPDIR/mine" && test -O "$TMPDIR/mine" && echo "tmp is its own"
[ "$WHO" = world ] && echo "environment is there"
cronium_output "$(cronium_input)" && echo "api answers"
ulimit -n
exit 7
`;
    const bare = job(script, { env: { WHO: "world" }, input: { name: 5 } });
    plane.offer(bare);
    const result = await plane.finished(bare);

    const [who, where = "", ...rest] = plane.logText(bare).trimEnd().split("\n");
    expect(plane.logText(bare, "stderr")).toBe("");
    expect(who).toBe(account);
    expect(rest).toEqual(["tmp is its own", "environment is there", "api answers", "8192"]);
    expect(result).toMatchObject({ outcome: "failed", failReason: "exit_code", exitCode: 7, output: { name: 5 } });
    expect(existsSync(folderOf(where))).toBe(false);
  });

  test("in Python finds the SDK, and is held to its memory", async ({ expect }) => {
    await start(allowed);
    const script = `
import cronium
cronium.output(cronium.input())
try:
    bytearray(1_000_000_000)
except MemoryError:
    print("too much")
`;
    const bare = plane.job(script, {
      runtime: "python",
      memoryMb: 256,
      input: [1, "ü"],
      container: { executor: "process" },
    });
    plane.offer(bare);

    expect(await plane.finished(bare)).toMatchObject({ outcome: "succeeded", output: [1, "ü"] });
    expect(plane.logText(bare)).toBe("too much\n");
  });

  test("is ended with all that it started, when it runs past its timeout", async ({ expect }) => {
    await start(allowed);
    const bare = job("sleep 1000 & echo $!; trap '' TERM; sleep 1000; sleep 1000", { timeoutMs: 1_000 });
    plane.offer(bare);
    await until("it runs", () => plane.logText(bare).includes("\n"));
    const child = Number(plane.logText(bare).trim());
    expect(isAlive(child)).toBe(true);

    plane.send({ type: "cancel", runId: bare.runId, attempt: 1, reason: "timeout", graceMs: 100 });
    expect((await plane.finished(bare)).outcome).toBe("timed_out");
    await until("its child is gone", () => !isAlive(child));
  });

  test("F1 goes on over a kill of the runner; its log has every line once, and its end is known", async ({
    expect,
  }) => {
    await start(allowed);
    const bare = job("for n in $(seq 1 300); do echo line $n; sleep 0.01; done; exit 3");
    plane.offer(bare);
    await until("it prints", () => plane.logText(bare).includes("line 20\n"));
    runner.signal("SIGKILL");
    await runner.exited();
    runner.start();

    expect(await plane.finished(bare)).toMatchObject({ outcome: "failed", exitCode: 3 });
    expect(plane.logText(bare)).toBe(Array.from({ length: 300 }, (_, index) => `line ${index + 1}\n`).join(""));
    expect(runner.events("run.adopted")).toHaveLength(1);
  });

  test("that ended while no runner was there gets its real result", async ({ expect }) => {
    await start(allowed);
    const done = join(folder, "done");
    const bare = job(`while [ ! -e ${done} ]; do sleep 0.02; done; echo late; exit 4`);
    plane.offer(bare);
    await until("it runs", () => plane.started(bare));
    const [name = ""] = readdirSync(join(runner.dataDir, "process"));
    const { pid } = JSON.parse(readFileSync(join(runner.dataDir, "process", name, "pid"), "utf8")) as { pid: number };
    runner.signal("SIGKILL");
    await runner.exited();
    writeFileSync(done, "");
    await until("the script has ended", () => !isAlive(pid));
    runner.start();

    expect(await plane.finished(bare)).toMatchObject({ outcome: "failed", exitCode: 4 });
    expect(plane.logText(bare)).toBe("late\n");
  });
});

describe("without the policy's word", () => {
  test.for([
    ["no rule", "mounts: {}\n"],
    ["a rule that says no", `process: {allow: false, user: ${account}}\n`],
  ] as const)("a script without a container is refused by %s, in a sentence", async ([, policy], { expect }) => {
    await start(policy);
    const bare = job("echo never");
    plane.offer(bare);
    await until("it is declined", () => plane.of("decline").length > 0);

    expect(plane.of("decline")).toMatchObject([
      { runId: bare.runId, reason: "policy_denied", message: expect.stringContaining("process: {allow: true") },
    ]);
  });

  test("an account that is not there keeps the runner from starting", async ({ expect }) => {
    const file = join(folder, "policy.yaml");
    writeFileSync(file, "process: {allow: true, user: no_such_account}\n");
    runner = new RunnerProcess(["--token", plane.token, "--policy", file]);
    runner.start();

    expect(await runner.exited()).toBe(2);
    expect(runner.output).toContain("no_such_account is not in /etc/passwd");
  });
});
