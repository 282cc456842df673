/** What is built, from which files, into which files, and how. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { BuildOptions } from "esbuild";
import { lastLines, runCommand } from "../command.ts";
import { packSdks } from "./sdk-packages.ts";
import { packTarball } from "./tarball.ts";

export const ROOT = join(import.meta.dirname, "..", "..");

export interface Target {
  /** Files and folders below the root whose content decides whether a new build is due. */
  readonly inputs: readonly string[];
  /** Without this file there is nothing to build. */
  readonly entry: string;
  /** An optional target whose entry does not exist is left out instead of failing. */
  readonly optional?: boolean;
  /** Targets that are built before this one, which reads what they leave. */
  readonly after?: readonly string[];
  /** Files below the root that a finished build leaves. */
  readonly outputs: readonly string[];
  readonly build: () => Promise<void>;
}

/** One crash in a bundle prints the line it happened on: short lines keep the report readable. */
const LINE_LIMIT = 240;

/** CommonJS packages inside an ES module bundle ask for these three names. */
const COMMONJS_NAMES = [
  'import { createRequire as __createRequire } from "node:module";',
  'import { fileURLToPath as __fileURLToPath } from "node:url";',
  "const require = __createRequire(import.meta.url);",
  "const __filename = __fileURLToPath(import.meta.url);",
  'const __dirname = __fileURLToPath(new URL(".", import.meta.url));',
].join("\n");

async function bundle(options: BuildOptions): Promise<void> {
  const { build, formatMessages } = await import("esbuild");
  // Errors are in the exception; printing them here too would tell everything twice.
  const { warnings } = await build({
    absWorkingDir: ROOT,
    bundle: true,
    format: "esm",
    target: "es2024",
    legalComments: "none",
    lineLimit: LINE_LIMIT,
    logLevel: "silent",
    ...options,
  });
  for (const text of await formatMessages(warnings, { kind: "warning" })) {
    process.stderr.write(text);
  }
}

/** Modules that workerd brings, and file types it would otherwise not understand. */
const WORKERD: BuildOptions = {
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["workerd", "worker", "browser"],
  external: ["node:*", "cloudflare:*"],
  loader: { ".sql": "text", ".html": "text", ".txt": "text" },
};

const NODE: BuildOptions = {
  platform: "node",
  target: "node22.12",
  // Optional native parts of ssh2, which does without them.
  external: ["cpu-features", "*.node"],
};

const SERVICES = "control-plane/launcher/services";

async function buildServices(): Promise<void> {
  const entryPoints = readdirSync(join(ROOT, SERVICES))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => `${SERVICES}/${name}`);
  await bundle({ ...WORKERD, entryPoints, outdir: "control-plane/dist/services" });
}

const RUNNER_TARBALL = "runner/dist/cronium-runner.tgz";
const CLI_TARBALL = "cli/dist/cronium.tgz";

const SDK_SOURCES = [
  "runtime-sdk/python/cronium",
  "runtime-sdk/node/src",
  "runtime-sdk/node/package.json",
  "runtime-sdk/bash/cronium.sh",
];

const RUNNER_INPUTS = ["runner/src", "runner/package.json", "protocol/src", "images", ...SDK_SOURCES, "LICENSE"];

/** The manifest of a published program: no dependency, no install script. */
function publishedManifest(folder: string, bin: string): string {
  const source = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    description: string;
    license: string;
  };
  const manifest = {
    name: source.name,
    version: source.version,
    description: source.description,
    license: source.license,
    type: "module",
    bin: { [bin]: "dist/main.js" },
    files: ["dist"],
    engines: { node: ">=22.12" },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** Everything in `folder`/dist with its manifest, as npm installs it. */
function packProgram(folder: string, bin: string): Buffer {
  const dist = join(ROOT, folder, "dist");
  const names = readdirSync(dist, { recursive: true, encoding: "utf8" });
  const files = names
    .filter((name) => statSync(join(dist, name)).isFile())
    .map((name) => ({
      path: `package/dist/${name}`,
      content: readFileSync(join(dist, name)),
      executable: name === "main.js" || (statSync(join(dist, name)).mode & 0o100) !== 0,
    }));
  return packTarball([
    ...files,
    { path: "package/package.json", content: Buffer.from(publishedManifest(folder, bin)) },
    { path: "package/LICENSE", content: readFileSync(join(ROOT, "LICENSE")) },
  ]);
}

/** What the images are made of: a runner makes those that its machine lacks. Layout: head of `images/build.sh`. */
function copyImageSources(folder: string): void {
  const isShipped = (path: string): boolean =>
    !/\.test\.[a-z]+$|(?:^|\/)(?:tests?|node_modules|__pycache__|smoke[^/]*|tsconfig\.json|README\.md)$/u.test(path);
  cpSync(join(ROOT, "images"), folder, { recursive: true, filter: isShipped });
  for (const path of SDK_SOURCES) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, filter: isShipped });
  }
}

async function buildRunner(): Promise<void> {
  const dist = join(ROOT, "runner/dist");
  rmSync(dist, { recursive: true, force: true });
  const shared: BuildOptions = { ...NODE, outdir: "runner/dist", minify: true };
  await bundle({
    ...shared,
    entryPoints: { main: "runner/src/main.ts" },
    splitting: true,
    chunkNames: "chunk-[hash]",
    banner: { js: `#!/usr/bin/env node\n${COMMONJS_NAMES}` },
  });
  // The sidecar starts beside every job: its own bundle holds nothing of the runner.
  await bundle({
    ...shared,
    entryPoints: { sidecar: "runner/src/sidecar/main.ts" },
    banner: { js: COMMONJS_NAMES },
  });
  copyImageSources(join(dist, "images"));
  writeFileSync(join(dist, "cronium-runner.tgz"), packProgram("runner", "cronium-runner"));
}

async function buildCli(): Promise<void> {
  const dist = join(ROOT, "cli/dist");
  rmSync(dist, { recursive: true, force: true });
  // Each command is a chunk of its own: what is not used is not read.
  await bundle({
    ...NODE,
    outdir: "cli/dist",
    minify: true,
    entryPoints: { main: "cli/src/main.ts" },
    splitting: true,
    chunkNames: "chunk-[hash]",
    banner: { js: `#!/usr/bin/env node\n${COMMONJS_NAMES}` },
  });
  chmodSync(join(dist, "main.js"), 0o755);
  copySdks(join(dist, "sdk"));
  writeFileSync(join(dist, "cronium.tgz"), packProgram("cli", "cronium"));
}

/** What scripts import under `cronium dev`. */
function copySdks(folder: string): void {
  const isShipped = (path: string): boolean => !/__pycache__/u.test(path);
  cpSync(join(ROOT, "runtime-sdk/python/cronium"), join(folder, "python/cronium"), {
    recursive: true,
    filter: isShipped,
  });
  mkdirSync(join(folder, "node"));
  cpSync(join(ROOT, "runtime-sdk/node/dist/index.js"), join(folder, "node/index.js"));
  mkdirSync(join(folder, "bash"));
  cpSync(join(ROOT, "runtime-sdk/bash/cronium.sh"), join(folder, "bash/cronium.sh"));
}

async function buildSdk(): Promise<void> {
  const dist = join(ROOT, "runtime-sdk/node/dist");
  rmSync(dist, { recursive: true, force: true });
  await bundle({
    ...NODE,
    entryPoints: ["runtime-sdk/node/src/index.ts"],
    outfile: "runtime-sdk/node/dist/index.js",
  });
  await run("tsc", ["-b", "runtime-sdk/node/tsconfig.src.json"], ROOT);
  const types = join(ROOT, ".cache/types/sdk-src/src");
  mkdirSync(dist, { recursive: true });
  cpSync(types, dist, { recursive: true, filter: (path) => !path.endsWith(".tsbuildinfo") });
}

async function buildWeb(): Promise<void> {
  await run("vite", ["build", "--logLevel", "warn", "--emptyOutDir"], join(ROOT, "web"));
}

/** Everything the control plane serves as files: the dashboard, and the programs to install. */
async function buildSite(): Promise<void> {
  const site = join(ROOT, "control-plane/dist/site");
  rmSync(site, { recursive: true, force: true });
  cpSync(join(ROOT, "web/dist"), site, { recursive: true });
  cpSync(join(ROOT, RUNNER_TARBALL), join(site, "install/cronium-runner.tgz"));
  cpSync(join(ROOT, CLI_TARBALL), join(site, "install/cronium.tgz"));
  await packSdks(ROOT, join(site, "install"));
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const result = await runCommand(join(ROOT, "node_modules/.bin", program), args, { cwd });
  if (result.code !== 0) {
    throw new Error(`${program} ${args.join(" ")} failed:\n${lastLines(result.output, 40)}`);
  }
}

const CLI_INPUTS = ["cli/src", "cli/package.json", "protocol/src", ...SDK_SOURCES, "LICENSE"];

const WEB_INPUTS = ["web", "protocol/src"];

export const TARGETS = {
  worker: {
    inputs: ["control-plane/src", "protocol/src", "migrations"],
    entry: "control-plane/src/worker.ts",
    outputs: ["control-plane/dist/worker.js"],
    build: () =>
      bundle({
        ...WORKERD,
        entryPoints: ["control-plane/src/worker.ts"],
        outfile: "control-plane/dist/worker.js",
      }),
  },
  services: {
    inputs: [SERVICES, "protocol/src"],
    entry: SERVICES,
    optional: true,
    outputs: ["control-plane/dist/services"],
    build: buildServices,
  },
  runner: {
    inputs: RUNNER_INPUTS,
    entry: "runner/src/main.ts",
    outputs: ["runner/dist/main.js", "runner/dist/sidecar.js", RUNNER_TARBALL],
    build: buildRunner,
  },
  cli: {
    inputs: CLI_INPUTS,
    entry: "cli/src/main.ts",
    after: ["sdk"],
    outputs: ["cli/dist/main.js", "cli/dist/sdk/node/index.js", CLI_TARBALL],
    build: buildCli,
  },
  sdk: {
    inputs: ["runtime-sdk/node/src", "protocol/src"],
    entry: "runtime-sdk/node/src/index.ts",
    outputs: ["runtime-sdk/node/dist/index.js", "runtime-sdk/node/dist/index.d.ts"],
    build: buildSdk,
  },
  web: {
    inputs: WEB_INPUTS,
    entry: "web/index.html",
    outputs: ["web/dist/index.html"],
    build: buildWeb,
  },
  site: {
    inputs: [...WEB_INPUTS, ...RUNNER_INPUTS, ...CLI_INPUTS, "runtime-sdk"],
    entry: "web/index.html",
    after: ["web", "runner", "cli", "sdk"],
    outputs: [
      "control-plane/dist/site/index.html",
      "control-plane/dist/site/install/cronium-runner.tgz",
      "control-plane/dist/site/install/cronium.tgz",
      "control-plane/dist/site/install/cronium-sdk.tgz",
      "control-plane/dist/site/install/cronium.sh",
    ],
    build: buildSite,
  },
} as const satisfies Record<string, Target>;

export type TargetName = keyof typeof TARGETS;

export const TARGET_NAMES = Object.keys(TARGETS) as TargetName[];

/** Whether the files a finished build leaves are all there. */
export function hasOutputs(target: Target): boolean {
  return target.outputs.every((path) => existsSync(join(ROOT, path)));
}
