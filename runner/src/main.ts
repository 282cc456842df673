/**
 * The program `cronium-runner`: verbs, flags and exit codes. The only file that names executors.
 *
 * Exit codes: 0 done · 1 a fault of the program · 2 wrong flag, value or file · 3 token refused · 4 name, folder or key
 * in use elsewhere · 5 protocols too far apart · 7 control plane not reachable · 8 doctor found something, or the service
 * does not run · 9 its one job was taken away · 75 a newer process takes its place · 77 revoked · 78 no executor can
 * ever work here.
 */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import type Docker from "dockerode";
import * as z from "zod";
import { systemClock } from "./base/clock.ts";
import { exitCodes, ExitError } from "./base/exit-error.ts";
import { errorText, type Log, makeLog } from "./base/log.ts";
import type { Config } from "./config.ts";
import type { ImageFiles } from "./executors/docker/images.ts";
import type { Executor } from "./executors/types.ts";
import { makeOwnLog } from "./own-log.ts";
import type { Policy } from "./policy.ts";
import { bundledImageTable, imageBuildScript, sdkFiles } from "./program-files.ts";
import { parseCommandLine, type Verbs } from "./verbs.ts";

/** Containers that Docker does not take away, on a runner of few jobs, before it takes no more. */
const LEAST_STUCK = 8;
/** The kernel's own limit; macOS has the smaller one. */
const MAX_SOCKET_PATH = 103;

const verbs: Verbs = {
  up: upCommand,
  doctor: async (config, json) => {
    const { doctorCommand } = await import("./commands/doctor.ts");
    const { probe } = await import("./executors/docker/probe.ts");
    return doctorCommand(config, probe(await connectDocker(config), imageFiles(config)), json);
  },
  images: async (config, json, runner) => {
    const { imagesCommand } = await import("./commands/images.ts");
    const { probe } = await import("./executors/docker/probe.ts");
    const { buildImages, buildRunnerImage } = await import("./executors/docker/images.ts");
    const files = imageFiles(config);
    const own = runner ? { build: buildRunnerImage } : null;
    return imagesCommand(probe(await connectDocker(config), files), files, { build: buildImages, own }, json);
  },
  run: async (config, file, flags) => {
    const { runCommand } = await import("./commands/run.ts");
    const { loadPolicy } = await import("./policy.ts");
    const { localOwner, removeStaleLocal } = await import("./executors/docker/stale-local.ts");
    const log = makeLog({
      level: "error",
      format: "text",
      write: (line) => process.stderr.write(`${line}\n`),
      now: Date.now,
    });
    const makeExecutor = await executorFactory({ ...config, executor: "docker", warm: 0 }, log);
    const policy = loadPolicy(config.policyFiles, config.policyRequired);
    await removeStaleLocal(await connectDocker(config));
    return runCommand(file, flags, {
      clock: systemClock,
      log,
      policy,
      makeExecutor: (folder) => makeExecutor(localOwner(), policy, folder),
    });
  },
};

async function upCommand(config: Config, json: boolean): Promise<number> {
  if (process.platform === "win32" && config.executor === "docker") {
    throw new ExitError(
      "noExecutor",
      "Jobs reach the runner over unix sockets, which Windows containers lack.",
      "Run it inside WSL 2.",
    );
  }
  const { log, tail, problems } = makeOwnLog(config, !json && process.stderr.isTTY);
  const makeExecutor = await executorFactory(config, log);
  const { up } = await import("./up.ts");
  const exit = (code: number): never => process.exit(code);
  return up({ config, clock: systemClock, log, ownLog: tail, problems, makeExecutor, exit });
}

/** What it makes keeps its files in the data folder, or in the one that is named. */
async function executorFactory(
  config: Config,
  log: Log,
): Promise<(runnerId: string, policy: Policy, folder?: string) => Executor> {
  if (config.executor === "fake") {
    const { makeFakeExecutor } = await import("./executors/fake.ts");
    return () => makeFakeExecutor(systemClock, join(config.dataDir, "fake"));
  }
  const { makeDockerExecutor } = await import("./executors/docker.ts");
  const docker = await connectDocker(config);
  const agent = (docker.modem as { protocol?: string }).protocol === "https" ? HttpsAgent : HttpAgent;
  const freshDocker = await connectDocker(config, new agent({ keepAlive: false }));
  const withProcesses = await processFactory(log);
  return (runnerId, policy, folder = config.dataDir) => {
    const { registries, packages, pullStuckSeconds, bridgeRange, privateRanges } = policy;
    if (config.apiTransport === "stdio") {
      refuseLongSockets(folder);
    }
    const containers = makeDockerExecutor({
      docker,
      freshDocker,
      runnerId,
      cpus: availableParallelism(),
      imageFiles: imageFiles(config),
      apiTransport: config.apiTransport,
      warm: Math.min(config.warm, policy.warm ?? config.warm),
      mostStuck: Math.max(LEAST_STUCK, 4 * config.capacity),
      keepFailed: config.keepFailed,
      dataDir: folder,
      packages: { ...packages, folder: join(config.dataDir, "layers") },
      logins: { registries, dockerConfigDir: config.dockerConfigDir },
      pullStuckMs: pullStuckSeconds * 1_000,
      diskDir: join(folder, "disks"),
      network: { bridgeRange, privateRanges },
      clock: systemClock,
      log,
    });
    return withProcesses(containers, policy, folder);
  };
}

/** With a shared folder each side names a socket from nearby; here this process dials it by its whole path. */
function refuseLongSockets(folder: string): void {
  const longest = Buffer.byteLength(join(folder, "sockets", "s0123456789abcdef", "proxy.sock"));
  if (longest > MAX_SOCKET_PATH) {
    throw new ExitError(
      "usage",
      `The data folder ${folder} has a path too long for --api-transport stdio.`,
      `Choose a --data-dir that is ${longest - MAX_SOCKET_PATH} bytes shorter.`,
    );
  }
}

/** Adds what runs scripts without a container, where the policy allows that. */
async function processFactory(log: Log): Promise<(containers: Executor, policy: Policy, folder: string) => Executor> {
  const { makeProcessExecutor } = await import("./executors/process.ts");
  const { findAccount } = await import("./executors/process/account.ts");
  const { byJob } = await import("./executors/by-job.ts");
  return (containers, { process: rule, path }, folder) => {
    const account = rule?.allow === true ? findAccount(rule.user) : null;
    if (account === null) {
      return containers;
    }
    if (typeof account === "string") {
      throw new ExitError("usage", `${path ?? "The policy file"}: ${account}`, "Correct process.user there.");
    }
    const processes = makeProcessExecutor({
      folder: join(folder, "process"),
      jobsFolder: tmpdir(),
      account,
      sdk: sdkFiles(),
      clock: systemClock,
      log,
    });
    return byJob(containers, processes);
  };
}

async function connectDocker(config: Config, agent?: HttpAgent): Promise<Docker> {
  const { default: Dockerode } = await import("dockerode");
  return new Dockerode({ ...config.docker, ...(agent === undefined ? {} : { agent }) });
}

function imageFiles(config: Config): ImageFiles {
  return {
    tables: [bundledImageTable, ...(config.imagesFile === null ? [] : [config.imagesFile])],
    buildScript: imageBuildScript(),
  };
}

/** Two lines: the cause, and what to do next; or one JSON object where programs read. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed it already; asking for help or the version is no error.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  const known = error instanceof ExitError ? error : unexpected(error);
  const { message, next, code, reason } = known;
  const json = process.argv.includes("--json");
  process.stderr.write(
    json ? `${JSON.stringify({ error: { reason, code, message, next } })}\n` : `${message}\n${next}\n`,
  );
  return code;
}

function unexpected(error: unknown): ExitError {
  const text = error instanceof z.ZodError ? z.prettifyError(error) : errorText(error);
  return new ExitError(
    "internal",
    `cronium-runner failed: ${text}`,
    "Please report this; --log-level debug says more.",
  );
}

// A reader that has seen enough, such as head, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await parseCommandLine(process.argv.slice(2), verbs).catch(explain);
// Sockets that a stranger keeps open must not keep a finished program alive.
process.stdout.write("", () => process.exit());
