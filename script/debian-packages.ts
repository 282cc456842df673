import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { lastLines, runCommand } from "./command.ts";
import { type Report, withProgress } from "./progress.ts";

/** Folders of administrators' programs, which many users' PATH does not hold. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** A package archive that is busy with another installation is waited for this long. */
const LOCK_TIMEOUT_S = 120;

export type Installation =
  | { readonly ok: true }
  /** `reason` is one sentence saying why nothing could be installed. */
  | { readonly ok: false; readonly reason: string };

let updated: Promise<Installation> | undefined;

/** Finds a program on the PATH or among the system's folders; answers its full path. */
export function findProgram(names: readonly string[]): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here or not executable; the next folder may hold it.
      }
    }
  }
  return undefined;
}

/** Whether this is Debian or a descendant, whatever the rights. */
export function isDebian(): boolean {
  return existsSync("/etc/debian_version") && existsSync("/usr/bin/apt-get");
}

async function apt(args: readonly string[]): Promise<Installation> {
  const result = await runCommand(
    "/usr/bin/apt-get",
    ["-o", `DPkg::Lock::Timeout=${LOCK_TIMEOUT_S}`, "-q", "-y", ...args],
    { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } },
  );
  return result.code === 0
    ? { ok: true }
    : { ok: false, reason: `apt-get ${args[0]} failed:\n${lastLines(result.output)}` };
}

/**
 * Installs Debian packages when that is possible here: Debian or Ubuntu, and root.
 * The package list is refreshed once per process.
 */
export async function installDebianPackages(packages: readonly string[], report: Report): Promise<Installation> {
  if (!isDebian()) {
    return { ok: false, reason: "this system has no apt-get" };
  }
  if (process.getuid?.() !== 0) {
    return { ok: false, reason: "installing packages needs root" };
  }
  updated ??= withProgress(report, "Refreshing Debian's package list", () => apt(["update"]));
  const refreshed = await updated;
  const install = (): Promise<Installation> => apt(["install", "--no-install-recommends", ...packages]);
  const installed = await withProgress(report, `Installing ${packages.join(", ")}`, install);
  // A stale list often serves; when it does not, the failed refresh is the cause worth telling.
  return installed.ok || refreshed.ok ? installed : refreshed;
}
