import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { type Outcome, runCommandLine } from "./command-line.ts";
import { FakePlane } from "./fake-plane.ts";
import { coverageEnv, RunnerProcess } from "./runner-process.ts";
import { until } from "./until.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium service "));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function service(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return runCommandLine(["service", ...args], { env });
}

/** The words of a unit's line, as systemd reads them. */
function words(unit: string, name: string): string[] {
  const line = new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1] ?? "";
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
    (quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "").replaceAll("%%", "%").replaceAll("$$", "$"),
  );
}

const hasVerify = spawnSync("systemd-analyze", ["--version"]).status === 0;

describe("the systemd unit", () => {
  test.skipIf(!hasVerify)("is accepted by systemd-analyze verify", async ({ expect }) => {
    const dataDir = join(folder, "data 100%");
    const { stdout } = await service(["print", "--kind", "systemd", "--data-dir", dataDir, "--", "--label", "a=$b c"]);
    const file = join(folder, "cronium-runner.service");
    writeFileSync(file, stdout);
    const verified = spawnSync("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", file], {
      encoding: "utf8",
    });

    expect(`${verified.stdout}${verified.stderr}`).not.toContain("cronium-runner.service");
    expect(verified.status).toBe(0);
    expect(words(stdout, "ExecStart")).toEqual(
      expect.arrayContaining(["up", "--data-dir", dataDir, "--label", "a=$b c", "--drain-timeout", "300"]),
    );
    expect(words(stdout, "RestartPreventExitStatus")).toEqual(["2", "3", "4", "5", "77", "78"]);
  });

  test("starts the runner by its ExecStart and environment, and replaces it by its ExecReload", async ({ expect }) => {
    const plane = await FakePlane.start();
    const runner = new RunnerProcess(["--token", plane.token, "--executor", "fake"]);
    runner.start();
    await until("the machine is registered", () => plane.of("hello").length === 1);
    runner.signal("SIGTERM");
    expect(await runner.exited()).toBe(0);
    const { stdout } = await service([
      "print",
      "--kind",
      "systemd",
      "--data-dir",
      runner.dataDir,
      "--",
      "--executor",
      "fake",
    ]);

    const environment = Object.fromEntries(
      [...stdout.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
    );
    const [program = "", ...args] = words(stdout, "ExecStart");
    const child = spawn(program, args, { env: { ...environment, ...coverageEnv() }, stdio: "ignore" });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    await until("the service is connected", () => plane.of("hello").length === 2);
    const [kill = "", signal = "", whom] = words(stdout, "ExecReload");
    expect([signal, whom]).toEqual(["-USR2", "$MAINPID"]);
    spawnSync(kill, [signal, String(child.pid)]);

    expect(String(await ended)).toBe(words(stdout, "RestartForceExitStatus")[0]);
    expect(plane.of("bye")).toHaveLength(1);
    await runner.destroy();
    await plane.stop();
  });

  test("of an account has a system of its own to see, of root one with the disks it mounts", async ({ expect }) => {
    const root = (await service(["print", "--kind", "systemd"])).stdout;
    const account = (await service(["print", "--kind", "systemd", "--run-as", "cronium"])).stdout;

    expect(root).not.toContain("ProtectSystem");
    expect(account).toMatch(/^User=cronium$/m);
    expect(account).toMatch(/^ProtectSystem=strict$/m);
    for (const unit of [root, account]) {
      expect(unit).toMatch(/^NoNewPrivileges=yes$/m);
    }
  });
});

describe("the launchd property list", () => {
  test("is XML with the keys that launchd asks for", async ({ expect }) => {
    const { stdout } = await service(["print", "--kind", "launchd", "--data-dir", join(folder, "a&b")]);
    const check = `import plistlib, sys, json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))`;
    const parsed = spawnSync("python3", ["-c", check], { input: stdout, encoding: "utf8" });

    expect(parsed.stderr).toBe("");
    expect(JSON.parse(parsed.stdout)).toMatchObject({
      Label: "dev.cronium.runner",
      ProgramArguments: expect.arrayContaining(["up", "--data-dir", join(folder, "a&b")]),
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      AbandonProcessGroup: true,
    });
  });
});

describe("installing the service", () => {
  /** A systemctl that writes down what it is told. */
  function fakeManager(exit: number): Record<string, string> {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "systemctl"), `#!/bin/sh\necho "$*" >>"${folder}/said"\necho active\nexit ${exit}\n`);
    chmodSync(join(bin, "systemctl"), 0o755);
    return { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
  }

  function registered(): string {
    const dataDir = join(folder, "data");
    mkdirSync(dataDir);
    const registration = { runnerId: "rnr_01h2xcejqtf2nbrexx3vqjhp41", workspaceId: "w", name: "box", url: "http://x" };
    const key = "-----BEGIN PRIVATE KEY-----\n";
    const credential = { privateKey: key, publicKey: "A".repeat(43), registration };
    writeFileSync(join(dataDir, "credential.json"), JSON.stringify(credential));
    return dataDir;
  }

  test("writes the unit, starts it, tells its state, and takes it away again", async ({ expect }) => {
    const env = fakeManager(0);
    const where = ["--kind", "systemd", "--folder", folder, "--data-dir", registered()];
    const unit = join(folder, "cronium-runner.service");

    expect(await service(["install", ...where], env)).toMatchObject({ code: 0, stdout: expect.stringContaining(unit) });
    expect(readFileSync(unit, "utf8")).toContain("ExecStart=");
    expect(await service(["status", ...where], env)).toMatchObject({ code: 0, stdout: "active\n" });
    expect((await service(["uninstall", ...where], env)).code).toBe(0);
    expect(existsSync(unit)).toBe(false);
    const said = readFileSync(join(folder, "said"), "utf8").replaceAll("--user ", "");
    expect(said.trimEnd().split("\n")).toEqual([
      "daemon-reload",
      "enable --now cronium-runner.service",
      "is-active cronium-runner.service",
      "disable --now cronium-runner.service",
      "daemon-reload",
    ]);
  });

  test.for([
    ["without a registration", ["install"], 0, "no registration"],
    ["with a token in its flags", ["install", "--", "--token", "crnr_x"], 0, "token"],
    ["with a flag that up does not know", ["print", "--", "--bogus"], 0, "--bogus"],
    ["with a verb that is none", ["instal"], 0, "instal"],
  ] as const)("is refused %s, with what to do", async ([, args, exit, text], { expect }) => {
    const refused = await service(
      [args[0], "--kind", "systemd", "--folder", folder, "--data-dir", join(folder, "none"), ...args.slice(1)],
      fakeManager(exit),
    );

    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(text);
    expect(refused.stderr.trimEnd().split("\n")).toHaveLength(2);
    expect(existsSync(join(folder, "said"))).toBe(false);
  });
});
