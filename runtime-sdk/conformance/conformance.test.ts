/**
 * Runs every behaviour (a folder) in every language (a script in it) against the runner's real sidecar.
 * `expect.json` lists the cases; its fields are described by `Case`.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json, RunContext } from "@cronium/protocol";
import { afterAll, beforeAll, describe, test } from "vitest";
import * as z from "zod";
import { behaviours } from "./matrix.ts";
import type { PlaneFault } from "./plane.ts";
import { type BoundJob, executionToken, type Sidecar, startSidecar } from "./sidecar.ts";

const SDK = join(import.meta.dirname, "..");

/** How each language is started on this machine; the images prove the same with their own interpreters. */
const LANGUAGES = {
  python: { runtime: "python", file: "script.py", command: ["python3"], env: { PYTHONPATH: join(SDK, "python") } },
  asyncio: { runtime: "python", file: "script.aio.py", command: ["python3"], env: { PYTHONPATH: join(SDK, "python") } },
  node: {
    runtime: "node",
    file: "script.ts",
    command: [process.execPath, "--import", join(import.meta.dirname, "resolve-sdk.ts")],
    env: {},
  },
  bash: { runtime: "bash", file: "script.sh", command: ["bash"], env: { BASH_ENV: join(SDK, "bash/cronium.sh") } },
} as const;

/** What is wrong with the surroundings of the script. */
const faults = [
  "forged_token",
  "foreign_token",
  "token_ends_soon",
  "no_socket",
  "no_port",
  "bad_address",
  "restart",
  "outside",
  "lock_taken_away",
  "bytes_change",
  "busy",
  "answer_lost",
] as const;
const planeFaults: readonly string[] = ["lock_taken_away", "bytes_change", "busy", "answer_lost"];
/** Cases that kill the sidecar, and would take it from the others. */
const lonely: readonly (string | undefined)[] = ["restart", "answer_lost"];

const Case = z.strictObject({
  name: z.string(),
  input: z.json().default(null),
  fault: z.enum(faults).optional(),
  env: z.record(z.string(), z.string()).default({}),
  /** What the job was handed. */
  secrets: z.record(z.string(), z.string()).default({}),
  variables: z.record(z.string(), z.json()).default({}),
  exitCode: z.int().default(0),
  /** The last line of stdout as JSON. */
  prints: z.json().optional(),
  /** A regular expression that stderr matches. */
  stderr: z.string().optional(),
  /** Every output that reached the runner. */
  outputs: z.array(z.json()).optional(),
  /** All of stdout. */
  stdout: z.string().optional(),
  /** The variables that there are in the end, and how many writes it took. */
  stored: z.record(z.string(), z.json()).optional(),
  writes: z.int().optional(),
  /** What the run shows in the end. */
  notes: z.record(z.string(), z.json()).optional(),
});
const Expectation = z.strictObject({ cases: z.array(Case).min(1) });

/**
 * Long values and those of the run are written short: `{"$repeat": text, "bytes": n}` is the text repeated to at most n
 * bytes, `{"$context": true}` the context of the run.
 */
function expand(value: Json, context: RunContext | null = null): Json {
  if (typeof value === "object" && value !== null && "$repeat" in value) {
    const { $repeat: text, bytes } = value as { $repeat: string; bytes: number };
    return text.repeat(Math.floor(bytes / Buffer.byteLength(text)));
  }
  if (typeof value === "object" && value !== null && "$context" in value) {
    return context;
  }
  return value;
}

function surroundings(fault: (typeof faults)[number] | undefined, job: BoundJob): Record<string, string> {
  const { runId, attempt } = job.context;
  switch (fault) {
    case undefined:
    case "restart":
    case "lock_taken_away":
    case "bytes_change":
    case "busy":
    case "answer_lost":
      return job.env;
    case "token_ends_soon":
      return { ...job.env, CRONIUM_TOKEN: sidecar.tokenFor(job, 120) };
    case "forged_token":
      return { ...job.env, CRONIUM_TOKEN: executionToken(randomBytes(32), runId, attempt) };
    case "foreign_token":
      return { ...job.env, CRONIUM_RUN_ID: "run_other" };
    case "no_socket":
      return { ...job.env, CRONIUM_API: `unix://${job.folder}/absent.sock` };
    case "no_port":
      // Port 1 needs root to listen on, and nothing does.
      return { ...job.env, CRONIUM_API: "http://127.0.0.1:1" };
    case "bad_address":
      return { ...job.env, CRONIUM_API: "ftp://127.0.0.1" };
    case "outside":
      return {};
    default:
      return fault satisfies never;
  }
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runScript(command: readonly string[], cwd: string, env: Record<string, string>): Promise<Ended> {
  const [program = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

let sidecar: Sidecar;
let workspace: string;

beforeAll(async () => {
  workspace = mkdtempSync(join(tmpdir(), "cronium-workspace-"));
  sidecar = await startSidecar();
});

afterAll(async () => {
  await sidecar.stop();
  rmSync(workspace, { recursive: true, force: true });
});

for (const behaviour of behaviours()) {
  const folder = join(import.meta.dirname, behaviour);
  const { cases } = Expectation.parse(JSON.parse(readFileSync(join(folder, "expect.json"), "utf8")));
  describe(behaviour, () => {
    for (const [language, { runtime, file, command, env }] of Object.entries(LANGUAGES)) {
      if (!existsSync(join(folder, file))) {
        continue;
      }
      const alone = cases.some(({ fault }) => lonely.includes(fault));
      (alone ? test : test.concurrent).for(cases)(`${language}: $name`, async (expected, { expect }) => {
        const script = join(folder, file);
        const job = await sidecar.bind({
          runtime,
          script: readFileSync(script, "utf8"),
          input: expand(expected.input),
          secrets: expected.secrets,
          variables: expected.variables,
          ...(planeFaults.includes(expected.fault ?? "") ? { fault: expected.fault as PlaneFault } : {}),
        });
        if (expected.fault === "restart") {
          await sidecar.kill();
        }
        const running = runScript([...command, script], workspace, {
          PATH: process.env["PATH"] ?? "",
          LANG: "C.UTF-8",
          ...env,
          ...expected.env,
          ...surroundings(expected.fault, job),
        });
        if (expected.fault === "restart") {
          await sidecar.start();
        }
        const ended = await running;
        if (expected.notes !== undefined && ended.code === expected.exitCode) {
          // Progress is on its way for a moment after its call.
          await expect.poll(() => job.plane.notes, { timeout: 90_000 }).toEqual(expected.notes);
        }
        await sidecar.close(job);

        expect(ended, ended.stderr.slice(-500)).toMatchObject({ code: expected.exitCode });
        expect(ended.stderr).toMatch(new RegExp(expected.stderr ?? "^$", "su"));
        if (expected.prints !== undefined) {
          const printed: unknown = JSON.parse(ended.stdout.trimEnd().split("\n").at(-1) ?? "");
          expect(printed).toEqual(expand(expected.prints, job.context));
        }
        if (expected.outputs !== undefined) {
          expect(job.outputs).toEqual(expected.outputs.map((value) => expand(value)));
        }
        if (expected.stdout !== undefined) {
          expect(ended.stdout).toBe(expected.stdout);
        }
        if (expected.stored !== undefined) {
          const stored = [...job.plane.variables].map(([name, { value }]) => [name, value] as const);
          expect(Object.fromEntries(stored)).toEqual(expected.stored);
        }
        if (expected.writes !== undefined) {
          expect(job.plane.writes).toBe(expected.writes);
        }
      });
    }
  });
}
