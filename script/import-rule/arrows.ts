/**
 * Who may import whom, as data. `CONTRIBUTING.md` draws the same arrows for people, and
 * `import-rule.test.ts` holds the compiler and the linter to them, pair by pair.
 */

/** The folders and files of one package, each with those it may import from. */
export interface PackageArrows {
  readonly root: string;
  readonly arrows: Readonly<Record<string, readonly string[]>>;
}

/** Names that end in .ts or .tsx are files; the others are folders. */
export const ARROWS: readonly PackageArrows[] = [
  {
    root: "control-plane/src",
    arrows: {
      "worker.ts": ["http", "objects", "services", "store", "auth", "outbound", "domain"],
      http: ["services", "auth", "domain"],
      objects: ["services", "auth", "domain"],
      services: ["store", "auth", "domain"],
      store: ["domain"],
      auth: ["domain"],
      outbound: ["domain"],
      domain: [],
    },
  },
  {
    root: "runner/src",
    arrows: {
      "main.ts": [
        "connection.ts",
        "loops",
        "run",
        "executors/types.ts",
        "executors/docker.ts",
        "executors/ssh.ts",
        "executors/fake.ts",
        "base",
      ],
      "connection.ts": ["loops", "run", "executors/types.ts", "base"],
      loops: ["connection.ts", "run", "executors/types.ts", "base"],
      run: ["executors/types.ts", "base"],
      "executors/types.ts": ["base"],
      "executors/docker.ts": ["executors/types.ts", "base"],
      "executors/ssh.ts": ["executors/types.ts", "base"],
      "executors/fake.ts": ["executors/types.ts", "base"],
      base: [],
      sidecar: ["base"],
    },
  },
  {
    root: "web/src",
    arrows: {
      "routes.tsx": ["pages", "forms", "components", "ui", "lib"],
      pages: ["forms", "components", "ui", "lib", "api"],
      forms: ["components", "ui", "lib", "api"],
      components: ["ui", "lib"],
      ui: ["lib"],
      lib: [],
      api: ["lib"],
    },
  },
];

/** Packages, each with a folder for probes, its name, and the packages it may import. */
export const PACKAGES: Readonly<
  Record<string, { readonly folder: string; readonly name: string; readonly may: readonly string[] }>
> = {
  protocol: { folder: "protocol/src", name: "@cronium/protocol", may: ["zod"] },
  "control-plane": {
    folder: "control-plane/src/services",
    name: "@cronium/control-plane",
    may: ["@cronium/protocol", "zod"],
  },
  launcher: {
    folder: "control-plane/launcher",
    name: "@cronium/control-plane",
    may: ["@cronium/protocol", "zod"],
  },
  runner: { folder: "runner/src/run", name: "cronium-runner", may: ["@cronium/protocol", "zod"] },
  cli: { folder: "cli/src/commands", name: "cronium", may: ["@cronium/protocol", "zod"] },
  web: { folder: "web/src/pages", name: "@cronium/web", may: ["@cronium/protocol", "zod"] },
  sdk: {
    folder: "runtime-sdk/node/src",
    name: "@cronium/sdk",
    may: ["@cronium/protocol", "zod"],
  },
  bench: { folder: "bench", name: "@cronium/bench", may: ["@cronium/protocol"] },
};
