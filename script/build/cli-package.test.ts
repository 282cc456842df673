import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
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

describe("the command line program as npm installs it", () => {
  let folder: string;
  let manifest: Manifest;
  beforeAll(async () => {
    await build(["cli"]);
    folder = mkdtempSync(join(tmpdir(), "cronium-cli-package-"));
    await runCommand("tar", ["-xzf", join(ROOT, "cli/dist/cronium.tgz"), "-C", folder]);
    manifest = JSON.parse(readFileSync(join(folder, "package/package.json"), "utf8")) as Manifest;
  }, 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("T25 it needs no other package and runs no script when it is installed", ({ expect }) => {
    expect(Object.keys(manifest).toSorted()).toEqual(
      ["bin", "description", "engines", "files", "license", "name", "type", "version"].toSorted(),
    );
    expect(statSync(join(ROOT, "cli/dist/cronium.tgz")).size).toBeLessThan(1_000_000);
  });

  test("runs from where it was unpacked, with every command that it loads late", async ({ expect }) => {
    const program = join(folder, "package", manifest.bin["cronium"] ?? "");
    expect(statSync(program).mode & 0o111).not.toBe(0);
    const version = await runCommand(process.execPath, [program, "--version"], { cwd: folder });
    expect(version).toMatchObject({ code: 0, output: `${manifest.version}\n` });
    const help = await runCommand(process.execPath, [program, "runs", "--help"], { cwd: folder });
    expect(help.output).toContain("cancel-many");
    const next = await runCommand(process.execPath, [program, "__complete", "runs", "ca"], { cwd: folder });
    expect(next.output).toBe("cancel\ncancel-many\n");
    const bash = await runCommand(process.execPath, [program, "completion", "bash"], { cwd: folder });
    const checked = await runCommand("bash", ["-n", "-c", bash.stdout]);
    expect([bash.code, checked.code]).toEqual([0, 0]);
  });

  test("tries scripts with the SDKs that it brings", async ({ expect }) => {
    const program = join(folder, "package", manifest.bin["cronium"] ?? "");
    const scripts = {
      "main.py": "import cronium; cronium.output(cronium.input())",
      "main.cjs": 'const sdk = require("@cronium/sdk"); sdk.input().then(sdk.output);',
      "main.mjs": 'import { input, output } from "@cronium/sdk"; await output(await input());',
      "main.sh": 'cronium_output "$(cronium_input)"',
    };
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(join(folder, name), script);
      const args = [program, "dev", "run", name, "--input", '{"n":1}'];
      const ended = await runCommand(process.execPath, args, { cwd: folder });
      expect(ended, name).toMatchObject({ code: 0, output: expect.stringContaining('cronium output: {"n":1}') });
    }
  });
});
