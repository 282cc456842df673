/** A scratch copy of the repository's configuration in which probes with forbidden imports live. */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

const WORKSPACES = {
  "@cronium/protocol": "protocol",
  "@cronium/control-plane": "control-plane",
  "cronium-runner": "runner",
  cronium: "cli",
  "@cronium/sdk": "runtime-sdk/node",
  "@cronium/web": "web",
  "@cronium/bench": "bench",
} as const;

export interface Scratch {
  readonly root: string;
  /** Writes one file below the scratch root. */
  readonly write: (path: string, text: string) => void;
  readonly remove: () => void;
}

/** Makes the scratch copy: compiler and lint settings, manifests, and links to the packages. */
export function createScratch(options: { readonly typeAware: boolean }): Scratch {
  const root = mkdtempSync(join(tmpdir(), "cronium-import-rule-"));
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const file of ["tsconfig.base.json", "package.json"]) {
    copyFileSync(join(ROOT, file), join(root, file));
  }
  cpSync(join(ROOT, "script/lint-rules"), join(root, "script/lint-rules"), { recursive: true });
  // Probes that import files that do not exist would only confuse rules that ask the compiler.
  const lint = readFileSync(join(ROOT, ".oxlintrc.json"), "utf8");
  write(".oxlintrc.json", options.typeAware ? lint : lint.replace('"typeAware": true', '"typeAware": false'));
  for (const folder of Object.values(WORKSPACES)) {
    const files = readdirSync(join(ROOT, folder));
    for (const file of files.filter((name) => /^(?:tsconfig.*|package)\.json$/u.test(name))) {
      write(join(folder, file), readFileSync(join(ROOT, folder, file), "utf8"));
    }
  }
  linkPackages(root);
  return { root, write, remove: () => rmSync(root, { recursive: true, force: true }) };
}

function linkPackages(root: string): void {
  const modules = join(root, "node_modules");
  mkdirSync(join(modules, "@cronium"), { recursive: true });
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!["@cronium", "cronium-runner", "cronium"].includes(name) && !name.startsWith(".")) {
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
    }
  }
  for (const [name, folder] of Object.entries(WORKSPACES)) {
    symlinkSync(join(root, folder), join(modules, name));
  }
}
