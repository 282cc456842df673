/** What `cronium-runner run` was asked for, as a job. Wrong values end the program with their flag named. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, extname } from "node:path";
import * as z from "zod";
import { EventDefinitionInput, type Job, type Json, makeId, parseStrictJson, type Runtime } from "@cronium/protocol";
import { ExitError } from "../base/exit-error.ts";
import { errorText } from "../base/log.ts";

/** Flags as commander hands them over. */
export const RunFlags = z.object({
  runtime: z.enum(["python", "node", "bash"], "must be python, node or bash").optional(),
  input: z.string().optional(),
  env: z.array(z.string()).default([]),
  secret: z.array(z.string()).default([]),
  variable: z.array(z.string()).default([]),
  timeout: z.string().default("1h"),
  memory: z.string().optional(),
  cpus: z.string().optional(),
  image: z.string().optional(),
  package: z.array(z.string()).default([]),
  allowHost: z.array(z.string()).default([]),
  bridge: z.boolean().default(false),
  artifacts: z.string().optional(),
  json: z.boolean().default(false),
});
export type RunFlags = z.infer<typeof RunFlags>;

export interface LocalJob {
  readonly job: Job;
  /** Values by name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, Json>>;
}

const RUNTIMES: Readonly<Record<string, Runtime>> = {
  ".py": "python",
  ".js": "node",
  ".mjs": "node",
  ".cjs": "node",
  ".ts": "node",
  ".mts": "node",
  ".sh": "bash",
  ".bash": "bash",
};

export function readLocalJob(file: string, flags: RunFlags, now: number): LocalJob {
  const script = readText(file, "the script");
  const secrets = Object.fromEntries(
    flags.secret.map((pair) => {
      const [name, value] = split(pair, "secret", "NAME=@FILE");
      if (!value.startsWith("@")) {
        throw wrong("secret", `has its value on the command line, where everybody sees it: ${name}=…`, "NAME=@FILE");
      }
      return [name, readText(value.slice(1), `the secret ${name}`).replace(/\r?\n$/, "")];
    }),
  );
  const container = {
    ...(flags.image === undefined ? {} : { image: flags.image }),
    ...(flags.cpus === undefined ? {} : { cpus: Number(flags.cpus) }),
    ...(flags.package.length === 0 ? {} : { packages: flags.package }),
    ...networkOf(flags),
  };
  const parsed = EventDefinitionInput.safeParse({
    runtime: flags.runtime ?? runtimeOf(file, script),
    script,
    env: Object.fromEntries(flags.env.map((pair) => split(pair, "env", "NAME=VALUE"))),
    secrets: Object.keys(secrets),
    timeoutMs: durationOf(flags.timeout),
    ...(flags.memory === undefined ? {} : { memoryMb: Number(flags.memory) }),
    ...(Object.keys(container).length === 0 ? {} : { container }),
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const at = (issue?.path ?? []).map(String);
    const named = at.map((part) => FLAG_OF[part]).find((flag) => flag !== undefined) ?? at.join(".");
    throw wrong(named, `${issue?.message ?? "is not valid"}.`, "cronium-runner run --help");
  }
  const name = basename(file) === "-" ? "stdin" : basename(file);
  return {
    job: {
      runId: makeId("run", now, randomBytes(10)),
      attempt: 1,
      eventId: null,
      eventName: name.slice(0, 200),
      eventVersion: null,
      workspaceId: "local",
      trigger: "manual",
      queuedAt: now,
      definition: parsed.data,
      input: flags.input === undefined ? null : inputOf(flags.input),
    },
    secrets,
    variables: Object.fromEntries(
      flags.variable.map((pair) => {
        const [key, text] = split(pair, "variable", "NAME=VALUE");
        return [key, jsonOrText(text)];
      }),
    ),
  };
}

const FLAG_OF: Readonly<Record<string, string>> = {
  runtime: "runtime",
  script: "script",
  env: "env",
  secrets: "secret",
  timeoutMs: "timeout",
  memoryMb: "memory",
  image: "image",
  cpus: "cpus",
  packages: "package",
  hosts: "allow-host",
};

function networkOf({ allowHost, bridge }: RunFlags): Record<string, unknown> {
  if (bridge && allowHost.length > 0) {
    throw wrong("bridge", "and --allow-host exclude one another.", "one of them");
  }
  if (bridge) {
    return { network: { mode: "bridge" } };
  }
  return allowHost.length === 0 ? {} : { network: { mode: "allowlist", hosts: allowHost } };
}

function runtimeOf(file: string, script: string): Runtime {
  const known = RUNTIMES[extname(file).toLowerCase()];
  const program = /^#!.*?(python|node|bash|sh)\b/.exec(script)?.[1];
  const found = known ?? (program === "sh" ? "bash" : (program as Runtime | undefined));
  if (found === undefined) {
    throw new ExitError("usage", `What runs ${file} cannot be told from its name.`, "Give --runtime python|node|bash.");
  }
  return found;
}

/** A plain number is seconds. */
function durationOf(text: string): number {
  const match = /^(\d{1,7})(ms|s|m|h)?$/.exec(text);
  if (match === null) {
    throw wrong("timeout", `is ${JSON.stringify(text)}.`, "a time such as 90s, 5m or 1h");
  }
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  return Number(match[1]) * (units[match[2] ?? "s"] ?? 1_000);
}

function inputOf(given: string): Json {
  const from = given.startsWith("@") ? given.slice(1) : null;
  const text = from === null ? given : readText(from, "the input");
  try {
    return parseStrictJson(text);
  } catch (error) {
    throw wrong("input", `is no JSON: ${errorText(error)}`, "JSON, or @FILE that holds it");
  }
}

function jsonOrText(text: string): Json {
  try {
    return parseStrictJson(text);
  } catch {
    return text;
  }
}

function split(pair: string, flag: string, form: string): [string, string] {
  const cut = pair.indexOf("=");
  if (cut < 1) {
    throw wrong(flag, `is ${JSON.stringify(pair)}.`, form);
  }
  return [pair.slice(0, cut), pair.slice(cut + 1)];
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new ExitError("usage", `${what} cannot be read: ${errorText(error)}`, "Check the name of the file.", {
      cause: error,
    });
  }
}

function wrong(flag: string, problem: string, form: string): ExitError {
  return new ExitError("usage", `--${flag} ${problem}`, `Give ${form}.`);
}
