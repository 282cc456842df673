/**
 * The program `cronium-runner`: commands, flags and exit codes. The only file that names executors.
 *
 * Exit codes: 0 done · 1 a fault of the program · 2 wrong flag, value or file · 3 token refused · 4 name, folder or key
 * in use elsewhere · 5 protocols too far apart · 7 control plane not reachable while registering · 8 doctor found
 * something · 9 its one job was taken away · 77 revoked · 78 no executor can ever work here.
 */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import type Docker from "dockerode";
import * as z from "zod";
import { runtimes } from "@cronium/protocol";
import { systemClock } from "./base/clock.ts";
import { exitCodes, ExitError } from "./base/exit-error.ts";
import { errorText, type Log, makeLog } from "./base/log.ts";
import { type Config, Flags, readConfig } from "./config.ts";
import type { ImageFiles } from "./executors/docker/images.ts";
import type { Executor } from "./executors/types.ts";
import type { Policy } from "./policy.ts";
import { bundledImageTable, imageBuildScript, programVersion } from "./program-files.ts";

async function main(argv: readonly string[]): Promise<number> {
  let result: Promise<number> = Promise.resolve(exitCodes.ok);
  const program = new Command("cronium-runner")
    .description("Runs Cronium jobs in hardened containers on this machine.")
    .version(programVersion())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "")) })
    .showHelpAfterError("Run cronium-runner --help for the list.");
  withFlags(program.command("up", { isDefault: true }).description("connect and run jobs (default)"))
    .option("--token <token>", "registration token crnr_…, needed once (CRONIUM_TOKEN)")
    .option("--token-file <file>", "file that holds it (CRONIUM_TOKEN_FILE)")
    .option("--name <name>", "name of this runner (default: the host name)")
    .option("--label <key=value>", "label that events can ask for; may repeat", collect, [])
    .option("--capacity <n>", "jobs at the same time (default: processor cores, at least 2)")
    .option("--warm <n>", "most containers kept started for jobs to come; 0: none (default: as --capacity)")
    .option("--policy <file>", "local policy (default: /etc/cronium/policy.yaml)")
    .option("--drain-timeout <seconds>", "stop running jobs this long after SIGTERM (default: never)")
    .option("--replace", "take over the name of an existing runner")
    .option("--once", "take one job, deliver it and end")
    .option("--ephemeral", "as --once, and leave the control plane for good")
    .addOption(program.createOption("--executor <name>", "docker, or fake for scenarios").hideHelp())
    .action((flags: unknown) => {
      result = upCommand(settings(flags));
    });
  withFlags(program.command("doctor").description("check this machine and say what to fix")).action(
    (flags: unknown) => {
      result = doctorCommand(settings(flags));
    },
  );
  withFlags(program.command("images").description("make sure that the built-in images are here")).action(
    (flags: unknown) => {
      result = imagesCommand(settings(flags));
    },
  );
  program.addHelpText("after", () => `\n${upHelp(program)}\n${HELP_TAIL}`);
  program.parse(argv, { from: "user" });
  return result;
}

/** The flags of the default command, which commander would only show in its own help. */
function upHelp(program: Command): string {
  const help = program.createHelp();
  const up = program.commands.find((command) => command.name() === "up");
  const options = up === undefined ? [] : help.visibleOptions(up).filter((option) => option.long !== "--help");
  return ["Options of up:", ...options.map(({ flags, description }) => `  ${flags.padEnd(26)} ${description}`)].join(
    "\n",
  );
}

const HELP_TAIL = `
First start, on a new machine:  cronium-runner --token crnr_…
Every later start:              cronium-runner

Exit codes: 0 done, 2 wrong flag or file, 3 token refused, 4 name or folder in use,
5 upgrade needed, 7 control plane not reachable, 8 doctor found something,
9 its one job was taken away, 77 revoked, 78 no executor can work here.`;

function withFlags(command: Command): Command {
  return command
    .option("--url <url>", "address of the control plane (default: from the token; CRONIUM_URL)")
    .option("--data-dir <folder>", "where credential, journal and spool live")
    .option("--log-level <level>", "debug, info, warn or error", "info");
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function settings(flags: unknown): Config {
  const parsed = Flags.safeParse(flags);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const flag = String(issue?.path[0] ?? "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new ExitError("usage", `--${flag} ${issue?.message ?? "is not valid"}.`, "See cronium-runner --help.");
  }
  return readConfig(parsed.data, process.env);
}

async function upCommand(config: Config): Promise<number> {
  if (process.platform === "win32" && config.executor === "docker") {
    throw new ExitError(
      "noExecutor",
      "Jobs reach the runner over unix sockets, which Windows containers lack.",
      "Run it inside WSL 2.",
    );
  }
  const log = ownLog(config, process.stderr.isTTY);
  const makeExecutor = await executorFactory(config, log);
  const { up } = await import("./up.ts");
  return up({ config, clock: systemClock, log, makeExecutor });
}

async function executorFactory(config: Config, log: Log): Promise<(runnerId: string, policy: Policy) => Executor> {
  if (config.executor === "fake") {
    const { makeFakeExecutor } = await import("./executors/fake.ts");
    return () => makeFakeExecutor(systemClock, join(config.dataDir, "fake"));
  }
  const { makeDockerExecutor } = await import("./executors/docker.ts");
  const docker = await connectDocker(config);
  const agent = (docker.modem as { protocol?: string }).protocol === "https" ? HttpsAgent : HttpAgent;
  const freshDocker = await connectDocker(config, new agent({ keepAlive: false }));
  return (runnerId, { registries, pullStuckSeconds }) =>
    makeDockerExecutor({
      docker,
      freshDocker,
      runnerId,
      cpus: availableParallelism(),
      imageFiles: imageFiles(config),
      warm: config.warm,
      logins: { registries, dockerConfigDir: config.dockerConfigDir },
      pullStuckMs: pullStuckSeconds * 1_000,
      clock: systemClock,
      log,
    });
}

async function doctorCommand(config: Config): Promise<number> {
  const docker = await connectDocker(config);
  const { examine } = await import("./doctor.ts");
  const { probe } = await import("./executors/docker/probe.ts");
  const findings = await examine(config, probe(docker, imageFiles(config)));
  for (const { ok, what, fix } of findings) {
    process.stdout.write(`${ok ? "ok  " : "FIX "} ${what}${fix === "" ? "" : `. ${fix}`}\n`);
  }
  return findings.every((finding) => finding.ok) ? exitCodes.ok : exitCodes.unhealthy;
}

async function imagesCommand(config: Config): Promise<number> {
  const docker = await connectDocker(config);
  const { probe } = await import("./executors/docker/probe.ts");
  const { buildImages } = await import("./executors/docker/images.ts");
  const files = imageFiles(config);
  const found = await probe(docker, files).images();
  const missing = runtimes.filter((runtime) => found.some((image) => image.runtime === runtime && !image.here));
  if (missing.length > 0) {
    if (files.buildScript === null) {
      throw new ExitError("usage", "This installation brings no image build script.", "Reinstall the runner.");
    }
    await buildImages(files.buildScript, missing, (line) => process.stderr.write(`${line}\n`));
  }
  for (const { runtime, tag } of found) {
    process.stdout.write(`${runtime} ${tag}\n`);
  }
  return exitCodes.ok;
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

function ownLog(config: Config, terminal: boolean): Log {
  return makeLog({
    level: config.logLevel,
    format: terminal ? "text" : "json",
    write: (line) => process.stderr.write(`${line}\n`),
    now: () => systemClock.now(),
  });
}

/** Two lines: the cause, and what to do next. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed it already; asking for help or the version is no error.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof ExitError) {
    process.stderr.write(`${error.message}\n${error.next}\n`);
    return error.code;
  }
  const text = error instanceof z.ZodError ? z.prettifyError(error) : errorText(error);
  process.stderr.write(`cronium-runner failed: ${text}\nPlease report this; --log-level debug says more.\n`);
  return exitCodes.internal;
}

process.exitCode = await main(process.argv.slice(2)).catch(explain);
// Sockets that a stranger keeps open must not keep a finished program alive.
process.stdout.write("", () => process.exit());
