/** The SDKs as their users install them. The Python package has its own tests beside its sources. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { build } from "../build.ts";
import { runCommand } from "../command.ts";
import { ROOT } from "../repository.ts";

const OUTSIDE = { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), CRONIUM_INPUT: '{"n":1}' };
const USE = "console.log(JSON.stringify((await context()).runId)); await output(await input());";
const DONE = { code: 0, output: '"local"\ncronium output: {"n":1}\n' };

describe("@cronium/sdk as npm packs and installs it", () => {
  let folder: string;
  let installed: string;
  beforeAll(async () => {
    await build(["sdk"]);
    folder = mkdtempSync(join(tmpdir(), "cronium-sdk-package-"));
    const packed = await runCommand("npm", ["pack", "--silent", "--pack-destination", folder], {
      cwd: join(ROOT, "runtime-sdk/node"),
    });
    const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? packed.output);
    const project = join(folder, "project");
    mkdirSync(project);
    const flags = ["--offline", "--no-audit", "--no-fund", "--cache", join(folder, "cache")];
    await runCommand("npm", ["install", ...flags, tarball], { cwd: project });
    installed = join(project, "node_modules/@cronium/sdk");
  }, 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("T25 it needs no other package and runs no script when it is installed", ({ expect }) => {
    const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Record<string, unknown>;
    expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(["dependencies"]));
    expect(manifest["scripts"]).toBeUndefined();
    expect(readdirSync(join(installed, "..", "..")).filter((name) => !name.startsWith("."))).toEqual(["@cronium"]);
    expect(readdirSync(installed).toSorted()).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
  });

  test("a module imports it, and a CommonJS script requires it", async ({ expect }) => {
    const project = join(installed, "../../..");
    const names = "context, input, output";
    writeFileSync(join(project, "main.mjs"), `import { ${names} } from "@cronium/sdk";\n${USE}\n`);
    writeFileSync(
      join(project, "main.cjs"),
      `const { ${names} } = require("@cronium/sdk");\n(async () => { ${USE} })();\n`,
    );
    for (const script of ["main.mjs", "main.cjs"]) {
      const ended = await runCommand(process.execPath, [script], { cwd: project, env: OUTSIDE });
      expect(ended, script).toMatchObject(DONE);
    }
  });

  test("its types are whole, without those of any other package but Node's", async ({ expect }) => {
    const project = join(installed, "../../..");
    writeFileSync(
      join(project, "typed.mts"),
      `import { type Artifact, lock, saveArtifact, setVariable, VersionConflictError } from "@cronium/sdk";
const version: number = await setVariable("A", 1, { ifVersion: 0, scope: "event" });
const kept: Artifact = await lock("k", (signal: AbortSignal) => saveArtifact("file"), { waitMs: 1 });
// @ts-expect-error -- a version is a number
await setVariable("A", 1, { ifVersion: "0" });
export const code: string = new VersionConflictError(String([version, kept])).code;
`,
    );
    const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "node"];
    const roots = ["--typeRoots", join(ROOT, "node_modules/@types"), "--skipLibCheck", "false"];
    const checked = await runCommand(join(ROOT, "node_modules/.bin/tsc"), [...flags, ...roots, "typed.mts"], {
      cwd: project,
    });
    expect(checked.output).toBe("");
  });
});

test("cronium.sh works alone, wherever it was copied to", async ({ expect }) => {
  const folder = mkdtempSync(join(tmpdir(), "cronium-sh-"));
  try {
    copyFileSync(join(ROOT, "runtime-sdk/bash/cronium.sh"), join(folder, "cronium.sh"));
    const script = 'set -euo pipefail; . ./cronium.sh; cronium_output "$(cronium_input)"';
    const ended = await runCommand("bash", ["-c", script], { cwd: folder, env: OUTSIDE });
    expect(ended).toMatchObject({ code: 0, stdout: "", output: 'cronium output: {"n":1}\n' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
