/** Settings of one runner process, parsed once at start from flags and environment. Nothing else reads the environment. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism, homedir, hostname, totalmem } from "node:os";
import { join, resolve } from "node:path";
import * as z from "zod";
import { isWholeToken, Labels, RunnerName, tokenUrl } from "@cronium/protocol";
import { ExitError } from "./base/exit-error.ts";
import { errorText, logLevels } from "./base/log.ts";

/** Flags of `up` as commander hands them over. */
export const Flags = z.object({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  url: z.string().optional(),
  name: z.string().optional(),
  label: z.array(z.string()).default([]),
  capacity: z.string().optional(),
  warm: z.string().optional(),
  keepFailed: z.string().optional(),
  dataDir: z.string().optional(),
  policy: z.string().optional(),
  drainTimeout: z.string().optional(),
  memory: z.string().optional(),
  logFile: z.string().optional(),
  metrics: z.string().optional(),
  logFileSize: z.string().optional(),
  logFiles: z.string().optional(),
  replace: z.boolean().default(false),
  takeOver: z.boolean().default(false),
  once: z.boolean().default(false),
  ephemeral: z.boolean().default(false),
  executor: z.enum(["docker", "fake"], "must be docker or fake").default("docker"),
  apiTransport: z.string().optional(),
  logLevel: z.enum(logLevels, `must be one of ${logLevels.join(", ")}`).default("info"),
});
export type Flags = z.infer<typeof Flags>;

const apiTransports = ["unix", "stdio"] as const;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Config {
  /** Needed for the first start alone. */
  readonly token: string | null;
  /** Why the file or variable that should hold the token does not; of no interest to a machine that is registered. */
  readonly tokenFault: ExitError | null;
  /** From --url, the token, or CRONIUM_URL, in this order; null when none says it and the stored credential must. */
  readonly url: string | null;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Jobs at the same time. Default: processor cores, at least 2, because jobs wait more than they compute. */
  readonly capacity: number;
  /** Most containers that are started before their jobs come. Default: as many as jobs, in a quarter of their memory; none for a runner of one job. */
  readonly warm: number;
  /** Most containers of failed runs that stay for a look at them. Default: 10. */
  readonly keepFailed: number;
  /** Megabytes that jobs may have together by their limits; null for no limit. Default: 80 % of the machine's. */
  readonly memoryMb: number | null;
  /** Where its own log goes instead of stderr; null for stderr. */
  readonly logFile: { readonly path: string; readonly maxBytes: number; readonly files: number } | null;
  /** Where it serves its metrics; null for nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  readonly dataDir: string;
  readonly policyFiles: readonly string[];
  /** --policy was given: the file must exist. */
  readonly policyRequired: boolean;
  /** Null: wait for running jobs as long as they take. */
  readonly drainTimeoutMs: number | null;
  /** Take over the name of a runner that exists. */
  readonly replace: boolean;
  /** Take the place of the process that uses the data folder; its jobs go on. */
  readonly takeOver: boolean;
  /** Take one job, deliver it and end. */
  readonly once: boolean;
  /** As `once`, with a registration that ends with it. */
  readonly ephemeral: boolean;
  readonly executor: Flags["executor"];
  /** How jobs reach the runtime API: over a socket in a folder shared with the engine, or through the engine itself. */
  readonly apiTransport: (typeof apiTransports)[number];
  readonly logLevel: Flags["logLevel"];
  readonly docker: DockerAddress;
  /** Folder of Docker's own `config.json`, with the credentials that `docker login` keeps. */
  readonly dockerConfigDir: string;
  /** A table of images beside the one of this installation; null when CRONIUM_IMAGES_FILE is not set. */
  readonly imagesFile: string | null;
}

export type DockerAddress =
  | { readonly socketPath: string }
  | { readonly protocol: "http" | "https"; readonly host: string; readonly port: number };

/** Throws `ExitError` with `usage` and the name of the flag or variable that is wrong. */
export function readConfig(flags: Flags, env: Environment): Config {
  const { token, tokenFault } = readToken(flags, env);
  const root = process.getuid?.() === 0;
  return {
    token,
    tokenFault,
    url: readUrl(flags, env, token),
    name: checked("--name", RunnerName, flags.name ?? defaultName(flags.ephemeral)),
    labels: readLabels(flags.label),
    capacity: readCapacity(flags),
    warm: readWarm(flags),
    keepFailed: readNumber("--keep-failed", flags.keepFailed, 0, 100) ?? DEFAULT_KEEP_FAILED,
    memoryMb: readMemory(flags),
    logFile: readLogFile(flags),
    metrics: readMetrics(flags.metrics),
    dataDir: resolve(flags.dataDir ?? defaultDataDir(env, root)),
    policyFiles: flags.policy === undefined ? defaultPolicyFiles(env) : [resolve(flags.policy)],
    policyRequired: flags.policy !== undefined,
    drainTimeoutMs: seconds(readNumber("--drain-timeout", flags.drainTimeout, 0, 86_400)),
    replace: flags.replace,
    takeOver: flags.takeOver,
    once: flags.once,
    ephemeral: flags.ephemeral,
    executor: flags.executor,
    apiTransport: readApiTransport(flags.apiTransport ?? present(env["CRONIUM_API_TRANSPORT"])),
    logLevel: flags.logLevel,
    docker: readDockerAddress(env["DOCKER_HOST"]),
    dockerConfigDir: present(env["DOCKER_CONFIG"]) ?? join(homedir(), ".docker"),
    imagesFile: present(env["CRONIUM_IMAGES_FILE"]),
  };
}

function readApiTransport(text: string | null): Config["apiTransport"] {
  const found = text === null ? "unix" : apiTransports.find((one) => one === text);
  if (found === undefined) {
    throw new ExitError(
      "usage",
      `--api-transport is "${text}".`,
      "Use unix where the engine sees folders of this machine, and stdio where it does not.",
    );
  }
  return found;
}

/** Throws for a token that was typed. A file or variable outlives its token, and a registered runner starts without. */
function readToken(flags: Flags, env: Environment): Pick<Config, "token" | "tokenFault"> {
  if (flags.token !== undefined) {
    return { token: wholeToken(flags.token), tokenFault: null };
  }
  const file = flags.tokenFile ?? present(env["CRONIUM_TOKEN_FILE"]);
  try {
    const token = file === null ? present(env["CRONIUM_TOKEN"]) : readTokenFile(file);
    return { token: token === null ? null : wholeToken(token), tokenFault: null };
  } catch (error) {
    if (error instanceof ExitError) {
      return { token: null, tokenFault: error };
    }
    throw error;
  }
}

function wholeToken(token: string): string {
  if (!isWholeToken("registration", token)) {
    throw new ExitError(
      "usage",
      "The registration token is not whole: part of it is missing or changed.",
      "Copy the whole command again from the Runners page; a token begins with crnr_.",
    );
  }
  return token;
}

function readTokenFile(file: string): string {
  try {
    // Of stdin, by its number: a program that is started without one must not wait for a terminal.
    return readFileSync(file === "-" ? 0 : file, "utf8").trim();
  } catch (error) {
    throw new ExitError("usage", `The token file ${file} cannot be read: ${errorText(error)}`, "Check --token-file.", {
      cause: error,
    });
  }
}

function readUrl(flags: Flags, env: Environment, token: string | null): string | null {
  const text = flags.url ?? (token === null ? null : tokenUrl(token)) ?? present(env["CRONIUM_URL"]);
  if (text === null) {
    return null;
  }
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.username !== "" || url.password !== "") {
    throw new ExitError(
      "usage",
      `"${text.slice(0, 80)}" is not the address of a control plane.`,
      "Give it as https://host or http://host:port, without a user name.",
    );
  }
  return url.href;
}

function readLabels(pairs: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const pair of pairs) {
    const cut = pair.indexOf("=");
    if (cut < 1) {
      throw new ExitError("usage", `The label "${pair}" has no value.`, "Give it as --label key=value.");
    }
    labels[pair.slice(0, cut)] = pair.slice(cut + 1);
  }
  return checked("--label", Labels, labels);
}

function readNumber(name: string, text: string | undefined, least: number, most: number): number | null {
  if (text === undefined) {
    return null;
  }
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new ExitError("usage", `${name} is "${text}".`, `Give a whole number from ${least} to ${most}.`);
  }
  return value;
}

function seconds(value: number | null): number | null {
  return value === null ? null : value * 1_000;
}

function checked<T>(name: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ExitError("usage", `${name} is not valid: ${issue?.message ?? ""}.`, "See cronium-runner --help.");
  }
  return parsed.data;
}

function readCapacity(flags: Flags): number {
  const given = readNumber("--capacity", flags.capacity, 1, 1_000);
  const oneJob = flags.ephemeral ? "--ephemeral" : flags.once ? "--once" : null;
  if (oneJob === null) {
    return given ?? Math.max(2, availableParallelism());
  }
  if (given !== null && given > 1) {
    throw new ExitError("usage", `--capacity is ${given}, and ${oneJob} takes one job.`, "Leave --capacity out.");
  }
  return 1;
}

/** What a container takes that waits, and how much of the jobs' memory they may take together where nobody says. */
const WAITING_MB = 20;
const WAITING_SHARE = 0.25;

/** A runner of one job has no use for a second container. */
function readWarm(flags: Flags): number {
  const given = readNumber("--warm", flags.warm, 0, 1_000);
  if (flags.once || flags.ephemeral) {
    return 0;
  }
  const memoryMb = readMemory(flags) ?? Number.POSITIVE_INFINITY;
  const fit = Math.max(1, Math.floor((memoryMb * WAITING_SHARE) / WAITING_MB));
  return given ?? Math.min(readCapacity(flags), fit);
}

const DEFAULT_MEMORY_SHARE = 80;
const DEFAULT_KEEP_FAILED = 10;

function readMemory({ memory, executor }: Flags): number | null {
  if (memory === "unlimited" || (memory === undefined && executor === "fake")) {
    return null;
  }
  const wholeMb = Math.floor(totalmem() / 1_048_576);
  const text = memory ?? `${DEFAULT_MEMORY_SHARE}%`;
  const [, digits, unit] = /^(\d{1,9})(%|[mg]b?)?$/i.exec(text) ?? [];
  const value = digits === undefined ? Number.NaN : Number(digits);
  const kind = (unit ?? "m").toLowerCase()[0];
  const mb = kind === "%" ? Math.floor((wholeMb * value) / 100) : kind === "g" ? value * 1_024 : value;
  if (!(mb >= 16) || (kind === "%" && value > 100)) {
    const next = "Give megabytes (2048), gigabytes (4g), a share of the machine (80%) or unlimited.";
    throw new ExitError("usage", `--memory is "${text}".`, next);
  }
  return mb;
}

function readMetrics(text: string | undefined): Config["metrics"] {
  if (text === undefined) {
    return null;
  }
  const [, host = "", port = ""] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === "" || Number(port) > 65_535) {
    throw new ExitError("usage", `--metrics is "${text}".`, "Give a port of this machine, such as 127.0.0.1:9400.");
  }
  return { host: host === "" ? "127.0.0.1" : host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

function readLogFile(flags: Flags): Config["logFile"] {
  const mb = readNumber("--log-file-size", flags.logFileSize, 1, 10_000) ?? 10;
  const files = readNumber("--log-files", flags.logFiles, 1, 100) ?? 5;
  return flags.logFile === undefined ? null : { path: resolve(flags.logFile), maxBytes: mb * 1_048_576, files };
}

/** The host name, cut down to what a runner's name may hold; for one that stays for a job, with something of its own. */
function defaultName(ephemeral: boolean): string {
  const name = hostname()
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, ephemeral ? 55 : 64)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return `${name === "" ? "runner" : name}${ephemeral ? `-${randomBytes(4).toString("hex")}` : ""}`;
}

export function defaultDataDir(env: Environment, root: boolean): string {
  const state = present(env["XDG_STATE_HOME"]);
  if (state !== null) {
    return join(state, "cronium", "runner");
  }
  return root ? "/var/lib/cronium" : join(homedir(), ".local", "state", "cronium", "runner");
}

function defaultPolicyFiles(env: Environment): string[] {
  const config = present(env["XDG_CONFIG_HOME"]) ?? join(homedir(), ".config");
  return ["/etc/cronium/policy.yaml", join(config, "cronium", "policy.yaml")];
}

function readDockerAddress(text: string | undefined): DockerAddress {
  const address = present(text) ?? "unix:///var/run/docker.sock";
  const socket = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  if (socket !== undefined) {
    return { socketPath: socket };
  }
  const url = URL.parse(address.replace(/^tcp:/, "http:"));
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) {
    const protocol = url.protocol === "https:" ? "https" : "http";
    return { protocol, host: url.hostname, port: Number(url.port || 2375) };
  }
  throw new ExitError(
    "noExecutor",
    `DOCKER_HOST is "${address.slice(0, 80)}", which this runner cannot use.`,
    "Use unix:///path/to/docker.sock or tcp://host:port, or leave it unset.",
  );
}

function present(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
}
