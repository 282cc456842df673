import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import { FakePlane } from "./fake-plane.ts";
import { coverageEnv, RunnerProcess } from "./runner-process.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-commands-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function command(args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome {
  const { PATH = "", HOME = "" } = process.env;
  const result = spawnSync(process.execPath, [MAIN, ...args], {
    env: { PATH, HOME, XDG_STATE_HOME: folder, ...coverageEnv(), ...env },
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

describe("the command line", () => {
  test("says its version, and in its help every flag of the default command", ({ expect }) => {
    const help = command(["--help"]);

    expect(command(["--version"])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(help.code).toBe(0);
    for (const flag of ["--token", "--url", "--name", "--label", "--capacity", "--data-dir", "--policy"]) {
      expect(help.stdout).toContain(flag);
    }
    expect(help.stdout).not.toContain("--executor");
  });

  test.for([
    [["--bogus"], "--bogus"],
    [["upp"], "upp"],
    [["--capacity", "0"], "--capacity"],
    [["--log-level", "loud"], "--log-level"],
    [["--executor", "magic"], "--executor"],
    [["--policy", "/nowhere.yaml"], "/nowhere.yaml"],
    [["--data-dir", "/proc/x"], "/proc/x"],
    [[], "not registered"],
  ] as const)("B48 answers %j with two lines and exit code 2", ([args, text], { expect }) => {
    const { code, stdout, stderr } = command(args);

    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(text);
    expect(stderr.trimEnd().split("\n")).toHaveLength(2);
  });

  test("B48 exits with 78 when Docker cannot be addressed at all", ({ expect }) => {
    expect(command([], { DOCKER_HOST: "ssh://somewhere" }).code).toBe(78);
  });
});

describe("doctor", () => {
  test("names what is here", ({ expect }) => {
    const { stdout } = command(["doctor"]);

    expect(stdout).toMatch(/^ok {3}Node\.js \d/m);
    expect(stdout).toMatch(/^ok {3}Docker Engine \d/m);
    expect(stdout).toMatch(/Images/);
    expect(stdout).toMatch(/GB free/);
  });

  test("B48 names what is not, with the fix, and exits with 8", ({ expect }) => {
    const { code, stdout } = command(["doctor", "--url", "http://127.0.0.1:1"], {
      DOCKER_HOST: "unix:///nowhere/docker.sock",
    });

    expect(code).toBe(8);
    expect(stdout).toMatch(/^FIX {2}Docker does not answer.*Start Docker/m);
    expect(stdout).toMatch(/^FIX {2}Control plane http:\/\/127\.0\.0\.1:1/m);
  });
});

describe("images", () => {
  test("makes sure that all are here and prints their tags", ({ expect }) => {
    const { code, stdout } = command(["images"]);

    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^python cronium\/python:[0-9a-f]+\nnode cronium\/node:[0-9a-f]+\nbash cronium\/bash:[0-9a-f]+\n$/,
    );
  });
});

describe("B31 a registration that is refused", () => {
  test.for([
    [401, "invalid_registration_token", 3],
    [409, "name_taken", 4],
    [426, "upgrade_required", 5],
    [422, "invalid_value", 2],
    [503, "not_available", 7],
  ] as const)("with %s %s ends with exit code %s", async ([status, code, exit], { expect }) => {
    const plane = await FakePlane.start();
    plane.refuseRegister = { status, body: { code, detail: "This is why.", hint: "Do this." } };
    const runner = new RunnerProcess(["--token", plane.token, "--executor", "fake"]);
    runner.start();

    expect(await runner.exited()).toBe(exit);
    expect(runner.output).toContain("This is why.");
    await runner.destroy();
    await plane.stop();
  });

  test("by something that is no control plane is told apart", async ({ expect }) => {
    const plane = await FakePlane.start();
    plane.refuseRegister = { status: 502, body: "<html>" };
    const runner = new RunnerProcess(["--token", plane.token, "--executor", "fake"]);
    runner.start();

    expect(await runner.exited()).toBe(7);
    expect(runner.output).toContain("not as a Cronium control plane");
    await runner.destroy();
    await plane.stop();
  });
});

describe("every verb", () => {
  const verbs = ["up", "status", "logs", "inspect", "drain", "pause", "resume", "unregister", "policy", "service"];

  test.for([...verbs, "doctor", "images"])("%s has help of its own, with --json", (verb, { expect }) => {
    const { code, stdout } = command([verb, "--help"]);

    expect(code).toBe(0);
    expect(stdout).toContain("--json");
    expect(stdout).toContain("--data-dir");
  });

  test("answers an error as JSON where programs read", ({ expect }) => {
    const { code, stderr } = command(["status", "--json"]);

    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { reason: "usage", code: 2 } });
  });
});

describe("policy", () => {
  test("shows what holds, and the place of a mistake", ({ expect }) => {
    const file = join(folder, "policy.yaml");
    writeFileSync(file, "mounts:\n  reports: {path: /srv/reports}\n");
    const shown = command(["policy", "--policy", file, "--json"]);
    writeFileSync(file, "mounts:\n  reports: {path: relative}\n");
    const wrong = command(["policy", "--policy", file]);

    expect(JSON.parse(shown.stdout)).toMatchObject({
      path: file,
      mounts: { reports: { path: "/srv/reports", mode: "ro" } },
    });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("mounts.reports.path");
  });
});
