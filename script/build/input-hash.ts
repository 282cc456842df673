import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const SKIPPED_FOLDERS = new Set(["node_modules", "dist", "test", ".cache", "__snapshots__"]);

function filesBelow(path: string): string[] {
  if (!existsSync(path)) {
    return [];
  }
  if (!statSync(path).isDirectory()) {
    return [path];
  }
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) {
      return SKIPPED_FOLDERS.has(entry.name) ? [] : filesBelow(join(path, entry.name));
    }
    return /\.test\.tsx?$/u.test(entry.name) ? [] : [join(path, entry.name)];
  });
}

/**
 * Hashes the names and contents of files and folders, tests and built files left out.
 * A path that does not exist counts as empty, so that its appearance changes the hash.
 */
export function hashInputs(root: string, paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of paths.flatMap((path) => filesBelow(join(root, path))).toSorted()) {
    const content = readFileSync(file);
    hash.update(`${file.slice(root.length)}\0${content.byteLength}\0`).update(content);
  }
  return hash.digest("hex");
}
