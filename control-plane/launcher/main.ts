#!/usr/bin/env node
/**
 * `cronium-server`: runs a control plane on this machine.
 *
 * People read stderr. `start --json` writes one JSON object per line to stdout for programs: `{"event":"ready", …}` once
 * it can be used. SIGHUP takes a new build into use. Exit codes: 0 stopped as asked, 1 failed with a reason on stderr, 3 (`status`) not running.
 */
import { existsSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { startControlPlane } from "./control-plane.ts";
import { dataFolderAt } from "./data-folder.ts";
import { LauncherError } from "./launcher-error.ts";
import { readLock } from "./lock.ts";
import { isAlive } from "./process-identity.ts";
import { forgetOldKeys, masterKeyId, readOrMakeSecrets, rotateKey } from "./secrets.ts";
import { askKeyStatus, askPasswordLink, type KeyStatus } from "./setup.ts";

const NOT_RUNNING = 3;
const STOP_DEADLINE_MS = 15_000;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

interface StartFlags {
  readonly data: string;
  readonly port: number;
  readonly host: string;
  readonly var: Readonly<Record<string, string>>;
  readonly json?: boolean;
  readonly untilStdinEnds?: boolean;
}

function program(): Command {
  const command = new Command("cronium-server").description("Runs a Cronium control plane on this machine");
  command
    .command("start")
    .description("Start it and keep it running until SIGINT or SIGTERM")
    .requiredOption("--data <dir>", "folder for everything it keeps")
    .option("--port <n>", "port to listen on; 0 takes a free one", parsePort, 8787)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--var <name=value>", "a setting, as in wrangler.toml; may be repeated", collectVar, {})
    .option("--json", "say on stdout, as JSON, when it is ready")
    .option("--until-stdin-ends", "stop when stdin ends, as it does when a parent process dies")
    .action(start);
  command
    .command("status")
    .description("Say whether it runs, and where")
    .requiredOption("--data <dir>", "its data folder")
    .action(status);
  command
    .command("reload")
    .description("Take a new build into use")
    .requiredOption("--data <dir>", "its data folder")
    .action(reload);
  command
    .command("stop")
    .description("Stop the one that runs")
    .requiredOption("--data <dir>", "its data folder")
    .action(stop);
  command
    .command("rotate-key")
    .description("Make a new master key for secrets; it is used from the next start on, the old one while it is needed")
    .requiredOption("--data <dir>", "its data folder")
    .action(startRotation);
  command
    .command("key-status")
    .description("Say which master keys secrets are still encrypted under; it must be running")
    .requiredOption("--data <dir>", "its data folder")
    .action(keyStatus);
  command
    .command("forget-old-keys")
    .description("Forget master keys that no secret needs any more; it must be running")
    .requiredOption("--data <dir>", "its data folder")
    .action(finishRotation);
  command
    .command("password-link <email>")
    .description("Print a link that chooses a new password for an account; it must be running")
    .option("--without-second-factor", "turn the second factor of the account off, for a lost app")
    .requiredOption("--data <dir>", "its data folder")
    .action(printPasswordLink);
  return command;
}

async function printPasswordLink(
  email: string,
  flags: { readonly data: string; readonly withoutSecondFactor?: boolean },
): Promise<void> {
  const folder = dataFolderAt(flags.data);
  const url = readLock(folder)?.url ?? null;
  if (url === null) {
    throw new LauncherError(`No control plane runs on ${folder.root}; start it first.`);
  }
  const path = await askPasswordLink(url, readOrMakeSecrets(folder.secretsFile).LAUNCHER_KEY, {
    email,
    withoutSecondFactor: flags.withoutSecondFactor === true,
  });
  if (path === null) {
    throw new LauncherError(`There is no account with the address ${email}.`);
  }
  say(`This link chooses a new password for ${email}. It works once, for an hour:`);
  process.stdout.write(`${url}${path}\n`);
}

async function start(flags: StartFlags): Promise<void> {
  // From the first moment on, so that a signal during the start is not lost.
  const asked = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
    if (flags.untilStdinEnds === true) {
      process.stdin.resume().once("end", () => resolve());
    }
  });
  const plane = await startControlPlane({
    data: flags.data,
    port: flags.port,
    host: flags.host,
    vars: flags.var,
    report: say,
  });
  process.on("SIGHUP", () => plane.reload());
  const { url, workspaceId, apiKey, claimUrl } = plane;
  if (flags.json === true) {
    const event = { event: "ready", url, workspaceId, apiKey, claimUrl, workerdPid: plane.workerdPid() };
    process.stdout.write(`${JSON.stringify(event)}\n`);
  } else {
    say(`Cronium is ready at ${url}`);
    if (claimUrl !== null) {
      say(`Claim it with this link, which works once: ${claimUrl}`);
    }
  }
  await asked;
  await plane.stop();
}

async function status(flags: { readonly data: string }): Promise<void> {
  const folder = dataFolderAt(flags.data);
  const lock = readLock(folder);
  if (lock === null) {
    say(`No control plane runs on ${folder.root}.`);
    process.exitCode = NOT_RUNNING;
    return;
  }
  const who = `process ${lock.launcher.pid}`;
  if (lock.url === null) {
    say(`A control plane is starting on ${folder.root} (${who}).`);
    return;
  }
  say(`A control plane runs at ${lock.url} (${who}): ${await readiness(lock.url)}`);
}

async function readiness(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(5_000) });
    const body = (await response.json()) as { reasons?: string[] };
    return response.ok ? "ready." : `not ready. ${(body.reasons ?? []).join(" ")}`;
  } catch (error) {
    return `it does not answer (${error instanceof Error ? error.message : String(error)}).`;
  }
}

function reload(flags: { readonly data: string }): void {
  const folder = dataFolderAt(flags.data);
  const lock = readLock(folder);
  if (lock === null) {
    throw new LauncherError(`No control plane runs on ${folder.root}.`);
  }
  process.kill(lock.launcher.pid, "SIGHUP");
  say("Reloading.");
}

async function stop(flags: { readonly data: string }): Promise<void> {
  const folder = dataFolderAt(flags.data);
  const lock = readLock(folder);
  if (lock === null) {
    say(`No control plane runs on ${folder.root}.`);
    return;
  }
  const { pid, startedAt } = lock.launcher;
  process.kill(pid, "SIGTERM");
  const end = performance.now() + STOP_DEADLINE_MS;
  while (isAlive(pid, startedAt)) {
    if (performance.now() > end) {
      throw new LauncherError(`Process ${pid} does not stop after ${STOP_DEADLINE_MS} ms.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  say("Stopped.");
}

function startRotation(flags: { readonly data: string }): void {
  const folder = dataFolderAt(flags.data);
  if (!existsSync(folder.secretsFile)) {
    throw new LauncherError(`There is no installation in ${folder.root}: ${folder.secretsFile} does not exist.`);
  }
  rotateKey(folder.secretsFile);
  say(`A new master key is in ${folder.secretsFile}; back this file up apart from the rest.`);
  const running = readLock(folder) === null ? "Start" : "Restart";
  say(`${running} the control plane: it then encrypts every secret again, and reads the others until that is done.`);
  say(`When key-status says so, forget-old-keys removes the key before.`);
}

async function keyStatus(flags: { readonly data: string }): Promise<void> {
  const keys = await readKeyStatus(dataFolderAt(flags.data));
  for (const { id, current, secrets } of keys) {
    say(`${id} ${current ? "(current)" : "(old)"}: ${secrets} ${secrets === 1 ? "secret" : "secrets"}`);
  }
}

async function finishRotation(flags: { readonly data: string }): Promise<void> {
  const folder = dataFolderAt(flags.data);
  const needed = (await readKeyStatus(folder)).filter(({ current, secrets }) => !current && secrets > 0);
  if (needed.length > 0) {
    throw new LauncherError(
      `Still needed: ${needed.map(({ id, secrets }) => `${id} by ${secrets} secrets`).join(", ")}. Try again in a minute.`,
    );
  }
  forgetOldKeys(folder.secretsFile);
  say("Old master keys are forgotten. Backups that were made before still need them.");
}

/** Of the control plane as it runs: a key that was made since is not in use yet. */
async function readKeyStatus(folder: ReturnType<typeof dataFolderAt>): Promise<KeyStatus> {
  const url = readLock(folder)?.url ?? null;
  if (url === null) {
    throw new LauncherError(`No control plane runs on ${folder.root}; start it first.`);
  }
  const { SECRETS_KEY, SECRETS_OLD_KEYS, LAUNCHER_KEY } = readOrMakeSecrets(folder.secretsFile);
  const status = await askKeyStatus(url, LAUNCHER_KEY);
  if (status.find(({ current }) => current)?.id !== masterKeyId(SECRETS_KEY)) {
    throw new LauncherError("The newest master key is not in use yet; restart the control plane.");
  }
  return SECRETS_OLD_KEYS === "" ? status.filter(({ current, secrets }) => current || secrets > 0) : status;
}

function parsePort(value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port > 65_535) {
    throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  }
  return port;
}

function collectVar(value: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const match = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(value);
  if (match === null) {
    throw new InvalidArgumentError("A setting looks like NAME=value.");
  }
  return { ...before, [match[1] ?? ""]: match[2] ?? "" };
}

try {
  await program().parseAsync();
} catch (error) {
  if (!(error instanceof LauncherError)) {
    throw error;
  }
  say(error.message);
  process.exitCode = 1;
} finally {
  // Watching it would keep this process alive.
  process.stdin.destroy();
}
