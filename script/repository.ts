import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.ts";

/** The folder that holds the whole repository. */
export const ROOT = join(import.meta.dirname, "..");

/** All files that are or would be under version control, relative to the root. */
export async function listFiles(): Promise<string[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const result = await runCommand("git", args, { cwd: ROOT });
  if (result.code !== 0) {
    throw new Error(`git ls-files failed in ${ROOT}: ${result.output.trim()}`);
  }
  const deleted = await runCommand("git", ["ls-files", "-z", "--deleted"], { cwd: ROOT });
  const gone = new Set(deleted.stdout.split("\0"));
  return result.stdout.split("\0").filter((path) => path !== "" && !gone.has(path));
}

/** Shell scripts: by their ending, or by a first line that names a shell. */
export async function listShellScripts(): Promise<string[]> {
  const files = await listFiles();
  return files.filter((path) => {
    if (/\.(?:sh|bash|bats)$/u.test(path)) {
      return true;
    }
    const name = path.slice(path.lastIndexOf("/") + 1);
    return (
      !name.includes(".") && /^#!\/(?:usr\/)?bin\/(?:env )?(?:ba)?sh\b/u.test(readFileSync(join(ROOT, path), "utf8"))
    );
  });
}
