import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import type { Job, JobResult } from "@cronium/protocol";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import { PackageIndex } from "./package-index.ts";

let fixture: DockerFixture;
let index: PackageIndex;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-packages-"));
  index = new PackageIndex();
  index.addWheel("greet", "1.0.0", "from tone import mark\nsay = 'one' + mark\n", ["tone"]);
  index.addWheel("greet", "2.0.0", "from tone import mark\nsay = 'two' + mark\n", ["tone>=1"]);
  index.addWheel("tone", "1.5", "mark = '!'\n");
  index.addWheel("extra", "1.0", "");
  index.addWheel("slip", "1.0", "", [], ["../../../tmp/beside"]);
  index.addSource("built", "1.0");
  index.addNode(
    "greet",
    "1.2.0",
    { "index.js": "module.exports = 'old' + require('tone');" },
    { dependencies: { tone: "^1" } },
  );
  index.addNode(
    "greet",
    "2.0.0",
    { "index.mjs": "import tone from 'tone'; export default 'new' + tone;" },
    { exports: "./index.mjs", dependencies: { tone: "^1" } },
  );
  index.addNode(
    "tone",
    "1.1.0",
    { "index.js": "module.exports = require('fs').existsSync(__dirname + '/ran') ? '?' : '!';" },
    { scripts: { postinstall: "touch ran" } },
  );
  await index.start();
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, `packages: {python: "${index.url}/simple", node: "${index.url}", keep: 4}\n`);
  fixture = await startDockerFixture(["--policy", policy]);
});
afterAll(async () => {
  await stopDockerFixture(fixture);
  await index.stop();
  index.remove();
  for (const volume of volumes()) {
    execFileSync("docker", ["volume", "rm", volume], { stdio: "ignore" });
  }
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => nothingLeft(fixture));

function volumes(): string[] {
  const label = `label=cronium.runner=${fixture.plane.runnerId}`;
  return execFileSync("docker", ["volume", "ls", "-q", "--filter", label]).toString().split("\n").filter(Boolean);
}

async function run(
  definition: Partial<Job["definition"]> & Pick<Job["definition"], "script">,
): Promise<{ readonly result: JobResult; readonly stdout: string; readonly stderr: string }> {
  const { plane } = fixture;
  const job = plane.job(definition.script, definition);
  plane.offer(job);
  const result = await plane.finished(job).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${fixture.runner.output.slice(-6_000)}`);
  });
  return { result, stdout: plane.logText(job, "stdout"), stderr: plane.logText(job, "stderr") };
}

function python(dependencies: string, code = "import greet, cronium; print(greet.say)") {
  return { runtime: "python", script: `# /// script\n# dependencies = ${dependencies}\n# ///\n${code}\n` } as const;
}

describe("packages that scripts name", () => {
  test("two events of Python have different versions, and what was had once needs no index", async ({ expect }) => {
    const [one, two] = await Promise.all([run(python('["greet<2"]')), run(python('["greet"]'))]);
    expect([one.stdout, two.stdout], one.stderr + two.stderr).toEqual(["one!\n", "two!\n"]);
    await index.stop();
    try {
      const asked = index.requests.length;
      expect((await run(python('["greet<2"]'))).stdout).toBe("one!\n");
      expect(index.requests.length).toBe(asked);
      const other = await run(python('["greet", "extra"]'));
      expect(other.result).toMatchObject({ outcome: "failed", failReason: "image_pull" });
      expect(other.result.message).toMatch(
        /extra, greet are not on this runner yet.*127\.0\.0\.1:\d+ cannot be reached/u,
      );
    } finally {
      await index.start();
    }
  });

  test("a layer cannot be changed by a job, and the SDK is still there", async ({ expect }) => {
    const code =
      "import cronium, greet, os\ntry:\n    open(greet.__file__, 'w')\nexcept OSError as e:\n    print(e.strerror)";
    const ended = await run(python('["greet"]', code));
    expect(ended.stdout, ended.stderr).toBe("Read-only file system\n");
  });

  test.for([
    ["T25", '["absent"]', /absent cannot be had from .*\(pip\).*No matching distribution found for absent/u],
    ["T25", '["built"]', /built cannot be had from .*\(pip\).*No matching distribution found for built/u],
    ["B47", '["slip"]', /slip cannot be had from .*\(pip\).*outside/u],
  ] as const)("%s: %s ends in a sentence, and nothing of it ran", async ([, names, says], { expect }) => {
    const { result } = await run(python(names));
    expect(result).toMatchObject({ outcome: "failed", failReason: "image_pull", message: expect.stringMatching(says) });
  });

  test("packages of Node are imported and required, and their install scripts do not run", async ({ expect }) => {
    const imports =
      'import greet from "greet"; import { context } from "@cronium/sdk"; await context(); console.log(greet);';
    const requires = 'console.log(require("greet"));';
    const [fresh, old] = await Promise.all([
      run({ runtime: "node", script: imports, container: { packages: ["greet"] } }),
      run({ runtime: "node", script: requires, container: { packages: ["greet@^1"] } }),
    ]);
    expect([fresh.stdout, old.stdout], fresh.stderr + old.stderr).toEqual(["new!\n", "old!\n"]);
    const { result } = await run({ runtime: "node", script: "0", container: { packages: ["greet@^7"] } });
    expect(result).toMatchObject({ outcome: "failed", failReason: "image_pull" });
    expect(result.message).toMatch(/greet@\^7 cannot be had from .*\(npm\)/u);
  });

  test("of more sets than are kept, the one not used for longest goes", async ({ expect }) => {
    const layers = (): string[] => volumes().filter((name) => !name.endsWith("-whole"));
    const four = () => expect.poll(() => layers().length, { timeout: 90_000 }).toBe(4);
    for (const names of ['["greet<2"]', '["greet"]', '["extra"]', '["tone<2"]']) {
      await run(python(names, "import sys"));
    }
    await four();
    const before = layers();
    await run(python('["tone"]', "import tone"));
    await four();
    expect(layers().filter((name) => !before.includes(name))).toHaveLength(1);
  });
});
