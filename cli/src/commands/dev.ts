/** `cronium dev`: a script on this machine, with values of one's own instead of a control plane and a runner. */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { constants, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Json } from "@cronium/protocol/json";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { type DevJob, makeDevJob } from "../dev/dev-job.ts";
import { makeRuntimeServer } from "../dev/runtime-server.ts";
import { scriptCommand } from "../dev/script-command.ts";
import type { Cli } from "./context.ts";
import { jsonInput, parseJson, readText } from "./json-input.ts";

/** The run's environment, good while `close` was not called. */
interface DevRuntime {
  readonly job: DevJob;
  readonly env: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

export async function devRun(cli: Cli, input: Input): Promise<number> {
  const script = resolve(input.arg(0));
  if (!existsSync(script)) {
    throw new ExitError("usage", `There is no file ${script}.`, "Check the name of the script.");
  }
  const { program, args, env } = scriptCommand(script, cli.env);
  const runtime = await startRuntime(cli, input);
  try {
    const code = await runChild(program, args, { ...cli.env, ...runtime.env, ...env }, cli.out.json);
    if (cli.out.json) {
      cli.out.value(summary(runtime.job, code));
    } else {
      cli.out.say(`cronium dev: the script ended with exit code ${code}`);
    }
    return code;
  } finally {
    await runtime.close();
  }
}

/** Serves until Ctrl-C; prints what to put into the environment of a script. */
export async function devServe(cli: Cli, input: Input): Promise<void> {
  const runtime = await startRuntime(cli, input);
  if (cli.out.json) {
    cli.out.item(runtime.env);
  } else {
    for (const [name, value] of Object.entries(runtime.env)) {
      cli.out.line(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
    }
    cli.out.say("cronium dev: serving the runtime API until Ctrl-C; run a script with these variables set");
  }
  await new Promise<void>((done) => {
    process.once("SIGTERM", () => done());
  });
  await runtime.close();
}

async function startRuntime(cli: Cli, input: Input): Promise<DevRuntime> {
  const port = input.number("port", 0, 65_535);
  const folder = mkdtempSync(join(tmpdir(), "cronium-dev-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Ctrl-C ends the program where it stands.
  process.once("exit", remove);
  const kept = input.text("artifacts");
  const artifacts = kept === undefined ? join(folder, "artifacts") : resolve(kept);
  mkdirSync(artifacts, { recursive: true });
  const job = makeDevJob({
    input: jsonInput(input, "input") ?? null,
    secrets: texts(valuesFile(input, "secrets"), "secrets"),
    variables: { ...valuesFile(input, "variables"), ...typedVariables(input) },
    folder: artifacts,
    now: () => performance.now(),
    show: (what, text) => cli.out.say(`cronium ${what}: ${text}`),
  });
  const runId = `run_local-${randomUUID()}`;
  const token = randomBytes(24).toString("base64url");
  const eventName = input.text("event") ?? "local";
  const server = makeRuntimeServer(job, { runId, token, context: contextOf(runId, eventName) });
  const api = await listen(server, port ?? (process.platform === "win32" ? 0 : undefined), join(folder, "api.sock"));
  return {
    job,
    env: {
      CRONIUM_API: api,
      CRONIUM_RUN_ID: runId,
      CRONIUM_TOKEN: token,
      CRONIUM_EVENT: eventName,
      CRONIUM_ATTEMPT: "1",
    },
    close: async () => {
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      });
      remove();
    },
  };
}

/** On a unix socket that only this user can reach, or on a port of this machine. */
async function listen(server: Server, port: number | undefined, socket: string): Promise<string> {
  await new Promise<void>((done, failed) => {
    server.once("error", (cause) =>
      failed(
        new ExitError("failure", `The runtime API cannot be served: ${cause.message}.`, "Choose another --port.", {
          cause,
        }),
      ),
    );
    if (port === undefined) {
      server.listen(socket, done);
    } else {
      server.listen(port, "127.0.0.1", done);
    }
  });
  return port === undefined ? `unix://${socket}` : `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function contextOf(runId: string, eventName: string): Json {
  const now = new Date().toISOString();
  return {
    runId,
    attempt: 1,
    eventId: null,
    eventName,
    eventVersion: null,
    workspaceId: "local",
    trigger: "manual",
    runnerName: "local",
    queuedAt: now,
    startedAt: now,
    timeoutMs: 3_600_000,
    memoryMb: 512,
  };
}

/** `--variables` and `--secrets`: a file that holds one JSON object. */
function valuesFile(input: Input, name: string): Record<string, Json> {
  const file = input.text(name);
  if (file === undefined) {
    return {};
  }
  const value = parseJson(readText(file), file);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ExitError("usage", `${file} is not an object of names and values.`, 'Write it as {"NAME": "value"}.');
  }
  return { ...(value as Readonly<Record<string, Json>>) };
}

function texts(values: Readonly<Record<string, Json>>, what: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (typeof value !== "string") {
        throw new ExitError("usage", `${name} in the ${what} is no text.`, "Put it in quotes.");
      }
      return [name, value];
    }),
  );
}

/** As JSON where it is JSON, and as text otherwise. */
function typedVariables(input: Input): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(input.pairs("variable")).map(([name, text]) => {
      try {
        return [name, JSON.parse(text) as Json];
      } catch {
        return [name, text];
      }
    }),
  );
}

/** Answers the exit code as a shell tells it. With `aside`, what the script prints goes to stderr. */
function runChild(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  aside: boolean,
): Promise<number> {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { env, stdio: ["ignore", aside ? 2 : "inherit", "inherit"] });
    child.once("error", (cause) =>
      failed(
        new ExitError("failure", `${program} cannot be started: ${cause.message}.`, `Install ${program}.`, { cause }),
      ),
    );
    child.once("close", (code, signal) => done(code ?? 128 + constants.signals[signal ?? "SIGKILL"]));
  });
}

function summary(job: DevJob, exitCode: number): Json {
  return {
    exitCode,
    output: job.output ?? null,
    condition: job.condition,
    name: job.name,
    variables: Object.fromEntries([...job.variables].map(([name, { value }]) => [name, value])),
    artifacts: [...job.artifacts.values()].map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  };
}
