/**
 * Where this program's own files are, run from source (`src/main.ts`) or from the bundle (`dist/main.js`): both lie one
 * folder below `package.json`.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";

const here = dirname(fileURLToPath(import.meta.url));
const bundled = import.meta.url.endsWith(".js");

export const sidecarEntry = join(here, bundled ? "sidecar.js" : "sidecar/main.ts");

/** The version of the package, such as "0.1.0". */
export function programVersion(): string {
  const manifest = JSON.parse(readFileSync(join(here, "..", "package.json"), "utf8")) as unknown;
  return z.object({ version: z.string() }).parse(manifest).version;
}

/** `images.json` of the installation, where it brings one. */
export const bundledImageTable = join(here, "images.json");

/** The script that makes the images: beside the bundle, or in the repository. */
export function imageBuildScript(): string | null {
  const candidates = [join(here, "images", "build.sh"), join(here, "..", "..", "images", "build.sh")];
  return candidates.find((path) => existsSync(path)) ?? null;
}

/** What scripts without a container import: beside the bundle, or in the repository. */
export function sdkFiles(): { readonly python: string | null; readonly bash: string | null } {
  const roots = [join(here, "images", "runtime-sdk"), join(here, "..", "..", "runtime-sdk")];
  const find = (path: string): string | null =>
    roots.map((root) => join(root, path)).find((at) => existsSync(at)) ?? null;
  return { python: find("python"), bash: find("bash/cronium.sh") };
}
