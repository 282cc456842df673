/** Jobs whose engine sees no folder of the runner: the runtime API through `--api-transport stdio`, on a real engine. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Job } from "@cronium/protocol";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { containersOf, type DockerFixture, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { coverageEnv, isAlive } from "./runner-process.ts";
import { until } from "./until.ts";

const execute = promisify(execFile);
const MAIN = join(import.meta.dirname, "../src/main.ts");

/** Everything a script may ask for, with a file of a megabyte there and back, and ten calls at once. */
const SCRIPTS = {
  "all.py": `
import cronium, os, threading
assert os.environ["CRONIUM_API"] == "http://127.0.0.1:8081" and os.listdir("/run/cronium") == []
assert cronium.secret("PASSWORD") == "hunter2hunter2"
cronium.set_variable("COUNT", cronium.get_variable("COUNT") + 1)
with cronium.lock("only"):
    cronium.progress(0.5)
big = os.urandom(1_000_000)
with open("/tmp/big", "wb") as file:
    file.write(big)
cronium.save_artifact("/tmp/big")
cronium.load_artifact("big", "/tmp/again")
with open("/tmp/again", "rb") as file:
    assert file.read() == big
seen = []
threads = [threading.Thread(target=lambda: seen.append(cronium.input()["n"])) for _ in range(10)]
for thread in threads: thread.start()
for thread in threads: thread.join()
cronium.output(sum(seen))
`,
  "all.ts": `
import { deepStrictEqual as same } from "node:assert";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as cronium from "@cronium/sdk";
same([process.env.CRONIUM_API, readdirSync("/run/cronium")], ["http://127.0.0.1:8081", []]);
same(await cronium.secret("PASSWORD"), "hunter2hunter2");
await cronium.setVariable("COUNT", (await cronium.getVariable<number>("COUNT"))! + 1);
await cronium.lock("only", () => cronium.progress(0.5));
const big = randomBytes(1_000_000);
writeFileSync("/tmp/big", big);
await cronium.saveArtifact("/tmp/big");
await cronium.loadArtifact("big", "/tmp/again");
same(readFileSync("/tmp/again"), big);
const inputs = await Promise.all(Array.from({ length: 10 }, () => cronium.input<{ n: number }>()));
await cronium.output(inputs.reduce((sum, { n }) => sum + n, 0));
`,
  "all.sh": `
set -e
[ "$CRONIUM_API" = http://127.0.0.1:8081 ] && [ -z "$(ls -A /run/cronium)" ]
[ "$(cronium_secret PASSWORD)" = hunter2hunter2 ]
cronium_set_variable --json COUNT "$(($(cronium_get_variable COUNT) + 1))"
head -c 1000000 /dev/urandom >/tmp/big
cronium_save_artifact /tmp/big
cronium_load_artifact big /tmp/again
cmp /tmp/big /tmp/again
for i in 1 2 3 4 5 6 7 8 9 10; do cronium_input >/tmp/n$i & done
wait
cronium_output "$(cat /tmp/n* | jq -s 'map(.n) | add')"
`,
} as const;

describe("an engine that sees no folder of the runner", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "cronium-unseen-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** `cronium-runner run`, with its files in a file system that exists for that process alone. */
  async function runUnseen(name: keyof typeof SCRIPTS, transport: "unix" | "stdio") {
    writeFileSync(join(folder, name), SCRIPTS[name]);
    writeFileSync(join(folder, "password"), "hunter2hunter2\n");
    const { PATH = "", HOME = "" } = process.env;
    const env = {
      ...{ PATH, HOME, ...coverageEnv(), XDG_CONFIG_HOME: folder },
      ...{ TMPDIR: join(folder, "unseen"), CRONIUM_API_TRANSPORT: transport },
    };
    const hide = 'mkdir -p "$TMPDIR" && mount -t tmpfs unseen "$TMPDIR" && exec "$@"';
    const flags = ["--input", '{"n":4}', "--secret", `PASSWORD=@${join(folder, "password")}`, "--variable", "COUNT=1"];
    const program = [process.execPath, MAIN, "run", join(folder, name), ...flags, "--json"];
    const child = spawn("unshare", ["--mount", "sh", "-c", hide, "sh", ...program], { env });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, stderr, told: JSON.parse(stdout) as Record<string, unknown> };
  }

  describe.skipIf(process.getuid?.() !== 0)("because nobody else can see it", () => {
    test.for(["all.py", "all.ts", "all.sh"] as const)("has the whole runtime API in %s", async (name, { expect }) => {
      const { code, stderr, told } = await runUnseen(name, "stdio");

      expect({ code, ...told }, stderr).toMatchObject({ code: 0, output: 40, variables: { COUNT: 2 } });
    });

    test("has none over a shared socket", async ({ expect }) => {
      const { code, stderr } = await runUnseen("all.sh", "unix");

      expect(code).toBe(125);
      expect(stderr).toContain("no job: unix:///run/cronium/api.sock");
    });
  });
});

describe("a runner with --api-transport stdio", () => {
  let folder: string;
  let fixture: DockerFixture;
  let plane: FakePlane;
  let server: Server;
  const built: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "cronium-tunnel-"));
    server = createServer((request, response) => response.end(`hello from ${request.headers.host ?? ""}`));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const policy = join(folder, "policy.yaml");
    writeFileSync(policy, 'images: ["cronium-test/*"]\nprivateRanges: [127.0.0.1/32]\n');
    fixture = await startDockerFixture(["--api-transport", "stdio", "--warm", "2", "--policy", policy]);
    plane = fixture.plane;
  });
  afterAll(async () => {
    await stopDockerFixture(fixture);
    server.close();
    const label = `label=cronium.runner=${plane.runnerId}`;
    const { stdout } = await execute("docker", ["volume", "ls", "--quiet", "--filter", label]);
    for (const volume of stdout.split("\n").filter(Boolean)) {
      await execute("docker", ["volume", "rm", "--force", volume]);
    }
    for (const image of built) {
      await execute("docker", ["image", "rm", "--force", image]);
    }
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    const withRun = async () => (await containersOf(fixture)).filter(({ Names: [name] }) => name?.includes("-run_"));
    await until("the jobs' containers are gone", async () => (await withRun()).length === 0);
  });

  async function run(job: Job) {
    plane.offer(job);
    const result = await plane.finished(job, 120_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${fixture.runner.output.slice(-6_000)}`);
    });
    return { result, log: plane.logText(job) };
  }

  async function offerAndWait(job: Job, line: string): Promise<void> {
    plane.offer(job);
    await until(`it prints ${line}`, () => plane.logText(job).includes(line));
  }

  test.for(["bash", "python", "node"] as const)(
    "keeps containers ready in %s, and mounts nothing of this machine into them",
    async (runtime, { expect }) => {
      const script = {
        bash: 'cronium_output "$(cronium_input)"',
        python: "import cronium; cronium.output(cronium.input())",
        node: 'import { input, output } from "@cronium/sdk"; await output(await input());',
      }[runtime];
      const cold = plane.job(script, { runtime, input: { n: [1, "two"] } });
      expect((await run(cold)).result).toMatchObject({ outcome: "succeeded", output: { n: [1, "two"] } });
      await until("one waits", () => fixture.runner.events("pool.up").some((line) => line["runtime"] === runtime));
      const found = await containersOf(fixture);
      // That of the first job goes meanwhile.
      const looks = found.map(({ Id: id }) => fixture.docker.getContainer(id).inspect());
      const inspected = (await Promise.allSettled(looks)).flatMap((look) =>
        look.status === "fulfilled" ? [look.value] : [],
      );
      const warm = plane.job(script, { runtime, input: 2 });

      expect((await run(warm)).result).toMatchObject({ outcome: "succeeded", output: 2 });
      expect(fixture.runner.events("pool.lent").map((line) => line["runId"])).toContain(warm.runId);
      expect(inspected).not.toEqual([]);
      for (const { Mounts: mounts, HostConfig: host, Config: config } of inspected) {
        expect({ mounts, binds: host.Binds }).toEqual({ mounts: [], binds: null });
        expect(config.Env).toContain("CRONIUM_API=http://127.0.0.1:8081");
      }
    },
  );

  test("F32 a sidecar that is killed costs the job nothing", async ({ expect }) => {
    const job = plane.job(
      'echo ready; until [ -e /workspace/go ]; do sleep 0.1; [ $((++n)) -gt 20 ] && break; done; cronium_output "$(cronium_input)"',
      { input: "late" },
    );
    await offerAndWait(job, "ready");
    const before = fixture.runner.sidecarPid();
    process.kill(before, "SIGKILL");

    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded", output: "late" });
    expect(fixture.runner.sidecarPid()).not.toBe(before);
  });

  test("F1 a runner that is killed: the next one opens the tunnel of its job anew", async ({ expect }) => {
    const { runner } = fixture;
    const script = `
import cronium, time
print("ready", flush=True)
def answers():
    try:
        return cronium.input() == "kept"
    except cronium.CroniumError:
        return False
while answers(): time.sleep(0.1)
print("away", flush=True)
while not answers(): time.sleep(0.1)
cronium.output("back")
`;
    const job = plane.job(script, { runtime: "python", input: "kept" });
    await offerAndWait(job, "ready");
    const sidecar = runner.sidecarPid();
    runner.signal("SIGKILL");
    await runner.exited();
    await until("its sidecar goes with it", () => !isAlive(sidecar));
    const found = (await containersOf(fixture)).find(({ Labels: labels }) => labels["cronium.run"] === job.runId);
    const container = fixture.docker.getContainer(found?.Id ?? job.runId);
    const said = async () => (await container.logs({ stdout: true, stderr: true })).toString();
    await until("the job has noticed", async () => (await said()).includes("away"));
    const hellos = plane.of("hello").length;
    runner.start();
    await until("it is back", () => plane.of("hello").length > hellos);

    expect(await plane.finished(job, 120_000)).toMatchObject({ outcome: "succeeded", output: "back" });
    expect(plane.logText(job)).toBe("ready\naway\n");
  });

  test("a job that ends the tunnel's program gets another one", async ({ expect }) => {
    const { result, log } = await run(
      plane.job('pkill perl && echo killed; cronium_output "$(cronium_input)"', { input: "again" }),
    );

    expect({ log, result }).toMatchObject({ log: "killed\n", result: { outcome: "succeeded", output: "again" } });
  });

  test("runs that could follow one another in a container get one each", async ({ expect }) => {
    const options = { container: { reuse: true } };
    const script = "ls -A /tmp; touch /tmp/left; cronium_output 1";
    for (let i = 0; i < 3; i += 1) {
      const { result, log } = await run(plane.job(script, options));
      expect({ log, result }).toMatchObject({ log: "", result: { outcome: "succeeded", output: 1 } });
    }
  });

  test("a job that may reach some hosts reaches those through the same tunnel", async ({ expect }) => {
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const script = `curl -s --noproxy '' http://${own}/; echo; curl -s --noproxy '' -o /dev/null -w '%{http_code}' http://other.example/`;
    const job = plane.job(script, { container: { network: { mode: "allowlist", hosts: [own] } } });

    const { result } = await run(job);
    expect(result).toMatchObject({ outcome: "succeeded" });
    expect(plane.logText(job, "stdout")).toBe(`hello from ${own}\n403`);
  });

  test("a disk, which needs a shared folder, is refused with the reason", async ({ expect }) => {
    const { result } = await run(plane.job("true", { container: { diskMb: 64 } }));

    expect(result).toMatchObject({ outcome: "failed", failReason: "start_failed" });
    expect(result.message).toContain("--api-transport stdio");
  });

  test("a user's image works with its interpreter alone, and one without what the tunnel needs says so", async ({
    expect,
  }) => {
    const tags = JSON.parse(readFileSync(join(fixture.folder, "images.json"), "utf8")) as Record<string, string>;
    // The plane answers meanwhile: a runner that hears nothing hangs up.
    const build = async (name: string, lines: string): Promise<string> => {
      const image = `cronium-test/tunnel-${name}:1`;
      built.push(image);
      const building = execute("docker", ["build", "--quiet", "--network", "none", "--tag", image, "-"]);
      building.child.stdin?.end(lines);
      await building;
      return image;
    };
    const plain = await build("python", `FROM ${tags["python"] ?? ""}\nUSER 0\nRUN rm -r /cronium/*\nUSER 10001\n`);
    const bare = await build("bash", `FROM ${tags["bash"] ?? ""}\nUSER 0\nRUN rm /usr/bin/perl\nUSER 10001\n`);
    const options = { runtime: "python", container: { image: plain }, input: 3 } as const;
    const good = await run(plane.job("import cronium; cronium.output(cronium.input())", options));
    const bad = await run(plane.job("cronium_output 1", { container: { image: bare } }));

    expect(good.result).toMatchObject({ outcome: "succeeded", output: 3 });
    expect(bad.result).toMatchObject({ outcome: "failed", failReason: "start_failed" });
    expect(bad.result.message).toMatch(/--api-transport stdio\), which needs perl in the image for bash scripts/);
  });
});
