/** `cronium-runner run FILE` on a real Docker Engine. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, test } from "vitest";
import { type Outcome, runCommandLine } from "./command-line.ts";
import { coverageEnv } from "./runner-process.ts";
import { until } from "./until.ts";

const MAIN = join(import.meta.dirname, "../src/main.ts");
const run = promisify(execFile);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-run-file-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function runFile(path: string, ...flags: string[]): Promise<Outcome> {
  // With an empty policy folder: what the machine's own policy says must not decide a test.
  return runCommandLine(["run", path, ...flags], { env: { XDG_CONFIG_HOME: folder } });
}

/** Containers that a process of this id has made and not removed. */
async function containersOf(pid: number): Promise<string[]> {
  const args = ["ps", "--all", "--format", '{{.ID}} {{.Label "cronium.runner"}}', "--filter", "label=cronium.runner"];
  const { stdout } = await run("docker", args);
  return stdout.split("\n").filter((line) => line.includes(` local-${pid}-`));
}

function foldersOf(pid: number): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`cronium-run-${pid}-`));
}

describe("a script that is run here, once, without a control plane", () => {
  test("has the runtime API, and leaves its output, variables and files", async ({ expect }) => {
    const script = file(
      "report.py",
      `
import cronium, os, sys
given = cronium.input()
print("for", os.environ["WHO"], cronium.secret("PASSWORD"))
print("aside", file=sys.stderr)
count = cronium.get_variable("COUNT", 0)
cronium.set_variable("COUNT", count + 1)
with cronium.lock("only"):
    cronium.set_run_name("nightly report")
cronium.set_condition(False)
with open("/tmp/report.csv", "w") as report:
    report.write("a,b")
cronium.save_artifact("/tmp/report.csv")
cronium.output({"n": given["n"] * 2})
`,
    );
    const secret = file("password.txt", "hunter2hunter2\n");
    const input = file("input.json", '{"n": 21}');
    const flags = ["--input", `@${input}`, "--env", "WHO=me", "--secret", `PASSWORD=@${secret}`];
    const more = ["--variable", "COUNT=4", "--artifacts", join(folder, "kept")];

    const shown = await runFile(script, ...flags, ...more);
    expect(shown.stdout).toBe("for me ***\n");
    expect(shown.stderr).toContain("aside\n");
    expect(shown.stderr).toContain('cronium: output: {"n":42}');
    expect(shown.code).toBe(0);
    expect(readFileSync(join(folder, "kept/report.csv"), "utf8")).toBe("a,b");

    const told = await runFile(script, ...flags, "--json");
    expect(told.code).toBe(0);
    expect(told.stderr).toContain("for me ***");
    expect(JSON.parse(told.stdout)).toMatchObject({
      outcome: "succeeded",
      exitCode: 0,
      output: { n: 42 },
      variables: { COUNT: 1 },
      condition: false,
      name: "nightly report",
    });
  });

  test("ends with the script's exit code, and with 124 when it takes too long", async ({ expect }) => {
    const failing = await runFile(file("fail.sh", "echo out; echo err >&2; exit 7"));
    expect(failing).toMatchObject({ code: 7, stdout: "out\n" });
    expect(failing.stderr).toMatch(/^err\n/);
    const slow = await runFile(file("slow", "#!/bin/bash\nsleep 1000"), "--timeout", "1s");
    expect(slow.code).toBe(124);
    expect(slow.stderr).toContain("longer than its timeout of 1000 ms");
  });

  test("is stopped by SIGTERM with 130, and what a killed one leaves goes with the next", async ({ expect }) => {
    const script = file("wait.sh", "echo waiting; sleep 1000");
    const start = () => {
      const { PATH = "", HOME = "" } = process.env;
      const env = { PATH, HOME, XDG_CONFIG_HOME: folder, ...coverageEnv() };
      const child = spawn(process.execPath, [MAIN, "run", script], { env, stdio: ["ignore", "pipe", "ignore"] });
      let printed = "";
      child.stdout.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
      });
      const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
      return { pid: child.pid ?? 0, ended, runs: () => printed === "waiting\n", kill: child.kill.bind(child) };
    };
    const stopped = start();
    await until("the script runs", stopped.runs);
    stopped.kill("SIGTERM");
    expect(await stopped.ended).toBe(130);
    expect(await containersOf(stopped.pid)).toEqual([]);

    const killed = start();
    await until("the script runs", killed.runs);
    killed.kill("SIGKILL");
    await killed.ended;
    expect(await containersOf(killed.pid)).toHaveLength(1);
    expect(foldersOf(killed.pid)).toHaveLength(1);
    expect((await runFile(file("next.sh", "true"))).code).toBe(0);
    expect(await containersOf(killed.pid)).toEqual([]);
    expect([...foldersOf(killed.pid), ...foldersOf(stopped.pid)]).toEqual([]);
  });

  test.for([
    ["a file that is not there", ["nowhere.py"], /nowhere\.py/],
    ["a name that says nothing", ["notes.txt"], /--runtime/],
    ["a secret on the command line", ["fine.sh", "--secret", "A=b"], /where everybody sees it/],
    ["an input that is no JSON", ["fine.sh", "--input", "{"], /--input is no JSON/],
    ["a name that cannot be in an environment", ["fine.sh", "--env", "CRONIUM_TOKEN=x"], /--env/],
    ["a time without a sense", ["fine.sh", "--timeout", "soon"], /--timeout is "soon"/],
    ["too little memory", ["fine.sh", "--memory", "1"], /--memory/],
    ["a mode and its opposite", ["fine.sh", "--bridge", "--allow-host", "example.com"], /exclude one another/],
  ] as const)("%s is refused before anything runs", async ([, [name, ...flags], why], { expect }) => {
    file("fine.sh", "true");
    file("notes.txt", "true");
    const refused = await runFile(join(folder, name), ...flags);

    expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(why) });
    expect(refused.stderr.trimEnd().split("\n")).toHaveLength(2);
  });

  test("without an engine it ends with 78 and says where to look", async ({ expect }) => {
    const env = { DOCKER_HOST: `unix://${join(folder, "none.sock")}`, XDG_CONFIG_HOME: folder };
    const away = await runCommandLine(["run", file("fine.sh", "true")], { env });

    expect(away).toMatchObject({ code: 78, stderr: expect.stringContaining("cronium-runner doctor") });
  });
});
