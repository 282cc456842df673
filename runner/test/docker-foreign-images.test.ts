import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import type { JobResult } from "@cronium/protocol";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { ImageRegistry, layersOf } from "./image-registry.ts";
import { until } from "./until.ts";

/** An empty archive: two blocks of nothing. */
const EMPTY = Buffer.alloc(1_024);

let fixture: DockerFixture;
let plane: FakePlane;
let registry: ImageRegistry;
let folder: string;
let arch: string;
const pulled: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-foreign-"));
  registry = await ImageRegistry.start();
  writeFileSync(join(folder, "password"), "right\n");
  const policy = join(folder, "policy.yaml");
  writeFileSync(
    policy,
    [
      `images: ["${registry.host}/*", "127.0.0.1:1/*"]`,
      `registries: {"${registry.host}": {user: ci, passwordFile: ${folder}/password}}`,
      "pullStuckSeconds: 10",
    ].join("\n"),
  );
  fixture = await startDockerFixture(["--policy", policy], {
    DOCKER_CONFIG: folder,
  });
  plane = fixture.plane;
  arch = (await fixture.docker.version()).Arch;
});
afterAll(async () => {
  await stopDockerFixture(fixture);
  await registry.stop();
  for (const image of pulled) {
    execFileSync("docker", ["image", "rm", "-f", image], { stdio: "ignore" });
  }
  const volumes = execFileSync("docker", ["volume", "ls", "-q", "--filter", `label=cronium.runner=${plane.runnerId}`]);
  for (const volume of volumes.toString().split("\n").filter(Boolean)) {
    execFileSync("docker", ["volume", "rm", volume], { stdio: "ignore" });
  }
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => nothingLeft(fixture));

function baseOf(runtime: string): string {
  const images = execFileSync("docker", [
    "image",
    "ls",
    "--format",
    "{{.Repository}}:{{.Tag}}",
    `cronium/${runtime}-base`,
  ]);
  return images.toString().split("\n")[0] ?? "";
}

async function run(image: string, script: string, options: Parameters<FakePlane["job"]>[1] = {}) {
  const job = plane.job(script, { ...options, container: { image, ...options.container } });
  plane.offer(job);
  const result: JobResult = await plane.finished(job).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${fixture.runner.output.slice(-6_000)}`);
  });
  return { result, stdout: plane.logText(job, "stdout"), notices: plane.logText(job, "system") };
}

describe("images of users", () => {
  test.for([
    ["bash", 'echo "$(cronium_input) as $(id -u)"; touch /opt/x || df --output=fstype /data', "tmpfs"],
    ["python", "import cronium, os; print(cronium.input()['name'], 'as', os.getuid())", "ada as 10001"],
  ] as const)("run %s scripts with the SDK and the same hardening", async ([runtime, script, expected], { expect }) => {
    const image = registry.put(`team/${runtime}`, {
      architecture: arch,
      layers: layersOf(baseOf(runtime)),
      user: { name: "ci", password: "right" },
      config: {
        Env: ["PATH=/usr/local/bin:/usr/bin:/bin"],
        Volumes: { "/data": {} },
        Entrypoint: ["/never"],
        User: "0",
      },
    });
    pulled.push(image);

    const first = await run(image, script, { runtime, input: { name: "ada" }, container: { pull: "always" } });
    const again = await run(image, script, { runtime, input: { name: "ada" }, container: { pull: "never" } });

    expect(first.result).toMatchObject({ outcome: "succeeded" });
    expect(first.stdout).toMatch(/ada.* as 10001/);
    expect(first.stdout).toContain(expected);
    expect(first.notices).toMatch(new RegExp(`^Pulling ${image}\n(Pulling .*\n)*Pulled ${image} in [0-9.]+ s\n$`));
    expect(again).toMatchObject({ result: { outcome: "succeeded" }, notices: "" });
  });

  test("without the interpreter end with a sentence that names it", async ({ expect }) => {
    const image = baseOf("bash");
    expect(image).not.toBe("");
    const own = registry.put("team/no-python", { architecture: arch, layers: layersOf(image) });
    pulled.push(own);
    const { result } = await run(own, "print(1)", { runtime: "python" });
    expect(result).toMatchObject({ outcome: "failed", failReason: "image_missing" });
    expect(result.message).toContain("must have python3");
  });

  test("T9 that the policy does not name are declined", async ({ expect }) => {
    const job = plane.job("true", { container: { image: "python:3.13" } });
    plane.offer(job);
    await until("it is declined", () => plane.of("decline").some(({ runId }) => runId === job.runId));
    expect(plane.of("decline").at(-1)).toMatchObject({
      reason: "policy_denied",
      message: expect.stringContaining("The image python:3.13 is not allowed by"),
    });
  });
});

describe("F21 an image that cannot be had fails with its own sentence, and the next job is fine", () => {
  const failing: [string, () => { image: string; pull?: "never" }, string, RegExp][] = [
    [
      "it does not exist",
      () => ({ image: `${registry.host}/team/none:1` }),
      "image_pull",
      /has no image .*team\/none:1/,
    ],
    [
      "its registry wants other credentials",
      () => ({
        image: registry.put("team/closed", {
          architecture: arch,
          layers: [EMPTY],
          user: { name: "ci", password: "other" },
        }),
      }),
      "image_pull",
      /does not let this runner's user have the image/,
    ],
    [
      "its registry is stuck",
      () => ({
        image: registry.put("team/stuck", { architecture: arch, layers: [Buffer.alloc(4_096, 7)], stuck: true }),
      }),
      "image_pull",
      /sent nothing of the image .* for 10 s/,
    ],
    [
      "it is for other processors",
      () => {
        const image = registry.put("team/arm", { architecture: "mips64le", layers: [EMPTY] });
        pulled.push(image);
        return { image };
      },
      "image_pull",
      /is made for linux\/mips64le, not for linux\//,
    ],
    ["its registry is away", () => ({ image: "127.0.0.1:1/team/app:1" }), "image_pull", /cannot be reached/],
    [
      "it is not here and may not be pulled",
      () => ({ image: `${registry.host}/team/never:1`, pull: "never" }),
      "image_missing",
      /its event forbids to pull it/,
    ],
  ];

  test.for(failing)("F21 %s", async ([, make, failReason, sentence], { expect }) => {
    const { image, ...rest } = make();
    const { result } = await run(image, "true", { container: rest });
    expect(result).toMatchObject({ outcome: "failed", failReason });
    expect(result.message).toMatch(sentence);
    const next = plane.job("echo fine");
    plane.offer(next);
    expect(await plane.finished(next)).toMatchObject({ outcome: "succeeded" });
  });

  test("F21 a pull that is cancelled ends at once", async ({ expect }) => {
    const image = registry.put("team/slow", { architecture: arch, layers: [Buffer.alloc(5_000, 9)], stuck: true });
    const job = plane.job("true", { container: { image } });
    plane.offer(job);
    await until("it pulls", () => plane.logText(job, "system").includes("Pulling"));
    plane.send({ type: "cancel", runId: job.runId, attempt: 1, reason: "user", graceMs: 10_000 });
    expect(await plane.finished(job)).toMatchObject({ outcome: "cancelled" });
  });
});
