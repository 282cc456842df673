/**
 * Checks the checker: applies a patch from `mutants/` to a copy of the sources and simulates that. Never touches the
 * tree itself.
 */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);

/** What the simulation reads; everything else stays out of the copy. */
const SOURCES = [
  "control-plane/src",
  "runner/src",
  "protocol/src",
  "migrations",
  "simulation",
  "control-plane/package.json",
  "runner/package.json",
  "protocol/package.json",
  "package.json",
];

/** A failure as `main.ts --json` prints it. */
const Failure = z.object({ seed: z.int(), id: z.string(), message: z.string() });
export type Failure = z.infer<typeof Failure>;

export const mutants: readonly string[] = readdirSync(join(import.meta.dirname, "mutants"))
  .filter((name) => name.endsWith(".patch"))
  .map((name) => basename(name, ".patch"))
  .toSorted();

/**
 * The first failure of that mutant within `seeds` seeds; null when it is not caught. Throws when the patch does not
 * apply any more.
 */
export async function simulateMutant(mutant: string, seeds: number): Promise<Failure | null> {
  const copy = mkdtempSync(join(tmpdir(), "cronium-mutant-"));
  try {
    copySources(copy);
    await run("git", ["apply", join(import.meta.dirname, "mutants", `${mutant}.patch`)], { cwd: copy });
    const args = [join(copy, "simulation", "main.ts"), "--json", "--stop", "--seeds", String(seeds)];
    const { stdout } = await run(process.execPath, args, { cwd: copy }).catch((error: unknown) => {
      // It ends with 1 when a seed fails, which is what a mutant is for.
      const ended = z.object({ stdout: z.string(), code: z.literal(1) }).safeParse(error);
      if (ended.success && ended.data.stdout !== "") {
        return ended.data;
      }
      throw error;
    });
    const line = stdout.trim();
    return line === "" ? null : Failure.parse(JSON.parse(line));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function copySources(copy: string): void {
  for (const path of SOURCES) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  // Packages come from here, but for the one that is part of the copy.
  for (const folder of [".", "control-plane", "runner"]) {
    linkPackages(join(root, folder, "node_modules"), join(copy, folder, "node_modules"));
  }
  mkdirSync(join(copy, "node_modules", "@cronium"));
  symlinkSync(join(copy, "protocol"), join(copy, "node_modules", "@cronium", "protocol"));
}

function linkPackages(from: string, to: string): void {
  if (!existsSync(from)) {
    return;
  }
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((one) => !one.startsWith(".") && one !== "@cronium")) {
    symlinkSync(join(from, name), join(to, name));
  }
}
