import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { build } from "../build.ts";
import { runCommand } from "../command.ts";
import { ROOT } from "../repository.ts";

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
}

describe("the package that the control plane hands to a new machine", () => {
  let folder: string;
  let manifest: Manifest;
  beforeAll(async () => {
    await build(["runner"]);
    folder = mkdtempSync(join(tmpdir(), "cronium-package-"));
    await runCommand("tar", ["-xzf", join(ROOT, "runner/dist/cronium-runner.tgz"), "-C", folder]);
    manifest = JSON.parse(readFileSync(join(folder, "package/package.json"), "utf8")) as Manifest;
  }, 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("T25 is at most 1 MB, with one bundle per program and all that its images are made of", async ({ expect }) => {
    const tarball = join(ROOT, "runner/dist/cronium-runner.tgz");
    const listed = (await runCommand("tar", ["-tzf", tarball])).stdout.split("\n");

    expect(statSync(tarball).size).toBeLessThanOrEqual(1_000_000);
    expect(
      listed.filter((path) => /(?:^|\/)node_modules\/|\.ts$|\.map$/.test(path) && !path.includes("/images/")),
    ).toEqual([]);
    expect(listed).toEqual(
      expect.arrayContaining([
        "package/LICENSE",
        "package/dist/main.js",
        "package/dist/sidecar.js",
        "package/dist/images/build.sh",
        "package/dist/images/recipe.sh",
        "package/dist/images/runtime-sdk/bash/cronium.sh",
        "package/dist/images/runtime-sdk/node/package.json",
        "package/dist/images/runtime-sdk/python/cronium/__init__.py",
      ]),
    );
  });

  test("T25 needs no other package and runs no script when it is installed", ({ expect }) => {
    expect(Object.keys(manifest).toSorted()).toEqual(
      ["bin", "description", "engines", "files", "license", "name", "type", "version"].toSorted(),
    );
  });

  test("runs from where it was unpacked, far from any node_modules", async ({ expect }) => {
    const program = join(folder, "package", manifest.bin["cronium-runner"] ?? "");
    expect(statSync(program).mode & 0o111).not.toBe(0);
    const run = await runCommand(process.execPath, [program, "--version"], { cwd: folder });
    expect(run).toMatchObject({ code: 0, output: `${manifest.version}\n` });
  });

  test("makes the same images as the repository", async ({ expect }) => {
    const shipped = await runCommand("bash", [join(folder, "package/dist/images/build.sh"), "--tags"]);
    const own = await runCommand("bash", [join(ROOT, "images/build.sh"), "--tags"]);
    expect(shipped.code).toBe(0);
    expect(shipped.stdout).toBe(own.stdout);
  });
});
