import { readFileSync } from "node:fs";
import { join } from "node:path";
import { missingPlatformPackages } from "../lock-platforms.mjs";
import { ROOT } from "../repository.ts";

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lockfile {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

/** Answers one line per fault of a lockfile; none when every platform can install from it. */
export function lockfileFaults(lock: Lockfile): string[] {
  const missing = missingPlatformPackages(lock)
    .filter(({ entry }) => entry !== undefined)
    .map(({ name, version }) => `${name} ${version} is missing: node script/complete-lock.mjs`);
  const addresses = Object.entries(lock.packages)
    .filter(([, { resolved, link }]) => link !== true && resolved !== undefined)
    .map(([path]) => `${path} names a download address: .npmrc must be in force when installing`);
  return [...missing, ...addresses];
}

/** Checks package-lock.json: complete for all platforms, free of one registry's addresses. */
export function checkLockfile(): string[] {
  return lockfileFaults(JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lockfile);
}
