import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "vitest";

const IMAGES = import.meta.dirname;
const SDK = join(IMAGES, "../runtime-sdk");
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
});

function build(images: string, ...args: readonly string[]): { code: number | null; stdout: string; stderr: string } {
  // Neither Docker nor root's tools: naming an image must need none of them.
  const env = { PATH: "/usr/bin:/bin", HOME: "/nonexistent" };
  const run = spawnSync("bash", [join(images, "build.sh"), ...args], { encoding: "utf8", env });
  return { code: run.status, stdout: run.stdout, stderr: run.stderr };
}

/** The layout in which the runner's package ships this folder. */
function shipped(): string {
  const folder = mkdtempSync(join(tmpdir(), "cronium-images-"));
  folders.push(folder);
  cpSync(IMAGES, folder, { recursive: true });
  for (const part of ["python/cronium", "node/src", "node/package.json", "bash/cronium.sh"]) {
    cpSync(join(SDK, part), join(folder, "runtime-sdk", part), { recursive: true });
  }
  return folder;
}

test("the tags are named by content and need no Docker", ({ expect }) => {
  const { code, stdout, stderr } = build(IMAGES, "--tags");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toEqual({
    python: expect.stringMatching(/^cronium\/python:[0-9a-f]{12}$/u),
    node: expect.stringMatching(/^cronium\/node:[0-9a-f]{12}$/u),
    bash: expect.stringMatching(/^cronium\/bash:[0-9a-f]{12}$/u),
  });
});

test("a shipped copy names the same images as the repository", ({ expect }) => {
  expect(build(shipped(), "--tags").stdout).toBe(build(IMAGES, "--tags").stdout);
});

test("a change of an SDK renames its image and no other", ({ expect }) => {
  const copy = shipped();
  const before = JSON.parse(build(copy, "--tags").stdout) as Record<string, string>;
  writeFileSync(join(copy, "runtime-sdk/bash/cronium.sh"), "# another\n");
  const after = JSON.parse(build(copy, "--tags").stdout) as Record<string, string>;
  expect(after["bash"]).not.toBe(before["bash"]);
  expect({ ...after, bash: "" }).toEqual({ ...before, bash: "" });
});

test("tests and built files of an SDK rename nothing", ({ expect }) => {
  const copy = shipped();
  const before = build(copy, "--tags").stdout;
  writeFileSync(join(copy, "runtime-sdk/node/src/another.test.ts"), "");
  writeFileSync(join(copy, "runtime-sdk/python/cronium/stale.pyc"), "");
  expect(build(copy, "--tags").stdout).toBe(before);
});

test("only the images asked for are named", ({ expect }) => {
  expect(Object.keys(JSON.parse(build(IMAGES, "--tags", "bash").stdout) as object)).toEqual(["bash"]);
});

test("an unknown argument is named in one line", ({ expect }) => {
  expect(build(IMAGES, "perl")).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^images: unknown argument 'perl'; see .*--help\n$/u),
  });
});

test("a package without the SDKs says what is missing", ({ expect }) => {
  const copy = shipped();
  rmSync(join(copy, "runtime-sdk"), { recursive: true });
  expect(build(copy, "--tags").stderr).toMatch(/^images: cannot find runtime-sdk\/.*incomplete\n$/u);
});

test("Node in the image is the version that the workspace is built with", ({ expect }) => {
  const recipe = readFileSync(join(IMAGES, "recipe.sh"), "utf8");
  const root = JSON.parse(readFileSync(join(IMAGES, "../package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  expect(/^NODE_VERSION=(.*)$/mu.exec(recipe)?.[1]).toBe(root.devDependencies["node"]);
});
