/**
 * Makes sure that the programs Cronium starts and tests with are on this machine.
 *
 * Present: nothing happens. Debian or Ubuntu with root: the distribution's package is installed.
 * Anywhere else: the answer carries one message that says what to install. Nothing here throws for
 * a missing program, because the caller decides whether it can go on without it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findProgram, installDebianPackages } from "./debian-packages.ts";
import { dockerSocketPath, pingDocker, startDocker } from "./docker-engine.ts";
import { runCommand } from "./command.ts";
import { type Report, reportToTerminal } from "./progress.ts";

export type Ensured<Value = undefined> =
  | { readonly ok: true; readonly value: Value }
  /** `message` is ready to print: what is missing, why it was not installed, what to do. */
  | { readonly ok: false; readonly message: string };

const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const DOCKER_LOG = join(import.meta.dirname, "..", ".cache", "dockerd.log");

function absent(what: string, packages: readonly string[], reason: string): Ensured<never> {
  const debian = `on Debian or Ubuntu run as root: apt-get install ${packages.join(" ")}`;
  return { ok: false, message: `${what} is missing (${reason}). To install it, ${debian}` };
}

async function ensurePrograms(
  what: string,
  programs: readonly (readonly string[])[],
  packages: readonly string[],
  report: Report,
): Promise<Ensured<readonly string[]>> {
  const find = (): (string | undefined)[] => programs.map((names) => findProgram(names));
  let found = find();
  if (found.includes(undefined)) {
    const installed = await installDebianPackages(packages, report);
    if (!installed.ok) {
      return absent(what, packages, installed.reason);
    }
    found = find();
  }
  const paths = found.filter((path) => path !== undefined);
  return paths.length === programs.length
    ? { ok: true, value: paths }
    : absent(what, packages, "the package did not bring it");
}

/**
 * Makes sure that Docker Engine answers on its socket, installing and starting it where needed.
 *
 * @param options.logFile where a dockerd started here writes; default `.cache/dockerd.log`
 * @returns the path of the socket that answers
 */
export async function ensureDocker(
  report: Report = reportToTerminal,
  options: { readonly logFile?: string } = {},
): Promise<Ensured<string>> {
  const socketPath = dockerSocketPath();
  const state = await pingDocker();
  if (state === "answers") {
    return { ok: true, value: socketPath };
  }
  if (state === "forbidden") {
    const advice = "add your user to the group docker (usermod -aG docker <user>) and log in again";
    return { ok: false, message: `Docker's socket ${socketPath} refuses this user: ${advice}` };
  }
  const engine = await ensurePrograms(
    "Docker Engine",
    [["dockerd"]],
    // cgroupfs-mount serves machines without systemd, where nobody else mounts control groups.
    ["docker.io", "cgroupfs-mount", "ca-certificates"],
    report,
  );
  if (!engine.ok) {
    return engine;
  }
  if ((await pingDocker()) === "answers") {
    return { ok: true, value: socketPath };
  }
  if (process.getuid?.() !== 0) {
    return {
      ok: false,
      message: "Docker Engine is not running. Start it as root: systemctl start docker",
    };
  }
  if (!existsSync("/sys/fs/cgroup/cgroup.controllers") && !existsSync("/sys/fs/cgroup/memory")) {
    await runCommand(findProgram(["cgroupfs-mount"]) ?? "cgroupfs-mount", []);
  }
  const failure = await startDocker(options.logFile ?? DOCKER_LOG, report);
  return failure === undefined
    ? { ok: true, value: socketPath }
    : { ok: false, message: `Docker Engine could not be started: ${failure}` };
}

/** Makes sure that a Chromium is there; answers its path. `CRONIUM_CHROMIUM` names another one. */
export async function ensureChromium(report: Report = reportToTerminal): Promise<Ensured<string>> {
  const chosen = process.env["CRONIUM_CHROMIUM"];
  if (chosen !== undefined) {
    return existsSync(chosen)
      ? { ok: true, value: chosen }
      : { ok: false, message: `CRONIUM_CHROMIUM names ${chosen}, which does not exist` };
  }
  const found = await ensurePrograms("Chromium", [CHROMIUM_NAMES], ["chromium"], report);
  return found.ok ? { ok: true, value: found.value[0] ?? "" } : found;
}

/** Makes sure that OpenSSH's server and client programs are there; answers the path of sshd. */
export async function ensureOpenSsh(report: Report = reportToTerminal): Promise<Ensured<string>> {
  const had = findProgram(["sshd"]) !== undefined;
  const programs = [["sshd"], ["ssh"], ["ssh-keygen"]];
  const packages = ["openssh-server", "openssh-client"];
  const found = await ensurePrograms("OpenSSH server", programs, packages, report);
  if (found.ok && !had && existsSync("/run/systemd/system")) {
    // Only the program is needed: an installation for tests must not open port 22 of this machine.
    await runCommand("systemctl", ["disable", "--now", "ssh.service", "ssh.socket"]);
  }
  return found.ok ? { ok: true, value: found.value[0] ?? "" } : found;
}

/** Makes sure that shellcheck and bats are there. */
export async function ensureShellTools(report: Report = reportToTerminal): Promise<Ensured> {
  const programs = [["shellcheck"], ["bats"]];
  const found = await ensurePrograms("shellcheck or bats", programs, ["shellcheck", "bats"], report);
  return found.ok ? { ok: true, value: undefined } : found;
}

/** Makes sure that Python 3 is there; answers its path. */
export async function ensurePython(report: Report = reportToTerminal): Promise<Ensured<string>> {
  const found = await ensurePrograms("Python 3", [["python3"]], ["python3"], report);
  return found.ok ? { ok: true, value: found.value[0] ?? "" } : found;
}
