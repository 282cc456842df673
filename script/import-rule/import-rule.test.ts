import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { runCommand } from "../command.ts";
import { ARROWS, PACKAGES } from "./arrows.ts";
import { createScratch, type Scratch } from "./scratch.ts";

const BIN = join(import.meta.dirname, "..", "..", "node_modules", ".bin");

/** One probe: a file with one import, and whether the checks must refuse it. */
interface Probe {
  readonly file: string;
  readonly text: string;
  readonly allowed: boolean;
}

function isFile(name: string): boolean {
  return /\.tsx?$/u.test(name);
}

/** A file importing relatively from another, for a probe that stands in for a whole file. */
function importText(from: string, to: string): string {
  const path = relative(dirname(from), to);
  return `import { probe } from "${path.startsWith(".") ? path : `./${path}`}";\nprobe();\n`;
}

/** Every ordered pair of places in a package; folders are also tried from a subfolder. */
function folderProbes(): Probe[] {
  return ARROWS.flatMap(({ root, arrows }) => {
    const names = Object.keys(arrows);
    return names.flatMap((from) =>
      names
        .filter((to) => to !== from)
        .flatMap((to) => {
          const allowed = arrows[from]?.includes(to) === true;
          const target = `${root}/${isFile(to) ? to : `${to}/target.ts`}`;
          const slug = `to-${to.replaceAll(/[^a-z]/gu, "-")}.ts`;
          const files = isFile(from)
            ? [`${root}/${from}`]
            : [`${root}/${from}/${slug}`, `${root}/${from}/deep/${slug}`];
          return files.map((file) => ({ file, text: importText(file, target), allowed }));
        }),
    );
  });
}

/** Every ordered pair of packages, by name and by relative path into the sources. */
function packageProbes(): Probe[] {
  return Object.entries(PACKAGES).flatMap(([from, { folder, name, may }]) =>
    Object.entries(PACKAGES)
      .filter(([, other]) => other.name !== name)
      .flatMap(([to, other]) => {
        const byName = `${folder}/name-${from}-${to}.ts`;
        const byPath = `${folder}/path-${from}-${to}.ts`;
        const named = `import { probe } from "${other.name}";\nprobe();\n`;
        return [
          { file: byName, text: named, allowed: may.includes(other.name) },
          { file: byPath, text: importText(byPath, `${other.folder}/target.ts`), allowed: false },
        ];
      }),
  );
}

function outsiderProbes(): Probe[] {
  const probe = (file: string, specifier: string, allowed: boolean): Probe => ({
    file,
    text: `import { probe } from "${specifier}";\nprobe();\n`,
    allowed,
  });
  return [
    probe("protocol/src/out-zod.ts", "zod", true),
    probe("protocol/src/out-hono.ts", "hono", false),
    probe("protocol/src/out-croner.ts", "croner", false),
    probe("protocol/src/cron.ts", "croner", true),
    probe("protocol/src/out-node.ts", "node:fs", false),
    probe("control-plane/src/domain/out-hono.ts", "hono", false),
    probe("control-plane/src/domain/out-node.ts", "node:crypto", false),
    probe("control-plane/src/domain/out-workers.ts", "cloudflare:workers", false),
    probe("control-plane/src/domain/out-sql.ts", "drizzle-orm", false),
    probe("control-plane/src/domain/out-protocol.ts", "@cronium/protocol", true),
    probe("control-plane/src/deps.ts", "./services/runs.ts", false),
    probe("control-plane/src/deps.ts", "./http/app.ts", false),
    probe("control-plane/src/deps.ts", "./objects/dispatcher/dispatcher.ts", false),
    probe("control-plane/src/deps.ts", "./store/runs.ts", true),
    probe("control-plane/src/store/out-deps.ts", "../deps.ts", false),
    probe("control-plane/src/domain/out-deps.ts", "../deps.ts", false),
    probe("control-plane/src/domain/out-config.ts", "../config.ts", false),
    probe("control-plane/src/auth/out-deps.ts", "../deps.ts", false),
    probe("control-plane/src/services/out-deps.ts", "../deps.ts", true),
    probe("control-plane/launcher/out-src.ts", "../src/services/runs.ts", false),
    probe("runner/src/base/out-journal.ts", "../journal.ts", false),
    probe("control-plane/src/http/out-sql.ts", "drizzle-orm/d1", false),
    probe("control-plane/src/services/out-sql.ts", "drizzle-orm", false),
    probe("control-plane/src/auth/out-sql.ts", "drizzle-orm", false),
    probe("control-plane/src/store/out-sql.ts", "drizzle-orm", true),
    probe("web/src/lib/out-protocol.ts", "@cronium/protocol/api/events", true),
    probe("runner/src/run/out-modules.ts", "../../node_modules/ws/index.js", false),
    probe("control-plane/src/services/runs.test.ts", "../store/runs.ts", true),
    probe("control-plane/src/services/sdk.test.ts", "@cronium/sdk", false),
  ];
}

async function lint(scratch: Scratch, probes: readonly Probe[]): Promise<Set<string>> {
  // A probe that stands in for a whole file (worker.ts) is a file per target in turn.
  const rounds: Probe[][] = [];
  for (const probe of probes) {
    const round = rounds.find((others) => others.every((other) => other.file !== probe.file));
    if (round === undefined) {
      rounds.push([probe]);
    } else {
      round.push(probe);
    }
  }
  const refused = new Set<string>();
  for (const round of rounds) {
    for (const probe of round) {
      scratch.write(probe.file, probe.text);
    }
    const files = round.map((probe) => probe.file);
    const args = ["-f", "json", ...files];
    const result = await runCommand(join(BIN, "oxlint"), args, { cwd: scratch.root });
    const { diagnostics } = JSON.parse(result.stdout) as {
      diagnostics: { code: string; filename: string }[];
    };
    for (const { code, filename } of diagnostics) {
      if (code === "eslint(no-restricted-imports)") {
        refused.add(keyOf(round.find((probe) => probe.file === filename)));
      }
    }
  }
  return refused;
}

/** Compiles the probes' projects and answers those that the compiler complains about. */
async function compile(scratch: Scratch, probes: readonly Probe[]): Promise<Set<string>> {
  for (const probe of probes) {
    scratch.write(probe.file, probe.text);
  }
  const projects = new Set(probes.map((probe) => /^(?:runtime-sdk\/)?[^/]+/u.exec(probe.file)?.[0] ?? ""));
  const args = ["-b", ...projects];
  const result = await runCommand(join(BIN, "tsc"), args, { cwd: scratch.root });
  const complaint = /^(\S+?)\(\d+,\d+\): error TS(?:2307|6059|6307):/gmu;
  const files = new Set([...result.output.matchAll(complaint)].map((match) => match[1]));
  return new Set(probes.filter((probe) => files.has(probe.file)).map(keyOf));
}

function keyOf(probe: Probe | undefined): string {
  return `${probe?.file}: ${probe?.text.split("\n")[0]}`;
}

describe("the import rule", () => {
  let scratch: Scratch;
  beforeAll(() => {
    scratch = createScratch({ typeAware: false });
  });
  afterAll(() => {
    scratch.remove();
  });

  test("the linter judges every pair of folders, packages and outsiders as drawn", async ({ expect }) => {
    const probes = [...folderProbes(), ...packageProbes(), ...outsiderProbes()];
    const refused = await lint(scratch, probes);
    const letThrough = probes.filter((probe) => !probe.allowed && !refused.has(keyOf(probe)));
    const refusedWrongly = probes.filter((probe) => probe.allowed && refused.has(keyOf(probe)));
    // A package name is refused by the compiler too, and by it alone inside the same package.
    expect(letThrough.map(keyOf)).toEqual([]);
    expect(refusedWrongly.map(keyOf)).toEqual([]);
    expect(probes.length).toBeGreaterThan(200);
  });

  test("the linter sees every form of import", async ({ expect }) => {
    const forms = [
      `import "../store/target.ts";\n`,
      `import type { Target } from "../store/target.ts";\nexport const target: Target = 1;\n`,
      `export { probe } from "../store/target.ts";\n`,
      `export * from "../store/target.ts";\n`,
      `export const target = await import("../store/target.ts");\n`,
    ];
    const probes = forms.map((text, index) => ({
      file: `control-plane/src/http/form-${index}.ts`,
      text,
      allowed: false,
    }));
    const refused = await lint(scratch, probes);
    expect(probes.filter((probe) => !refused.has(keyOf(probe))).map(keyOf)).toEqual([]);
  });

  test("the linter refuses a circle of imports", async ({ expect }) => {
    scratch.write("runner/src/base/one.ts", `import { two } from "./two.ts";\nexport const one = () => two;\n`);
    scratch.write("runner/src/base/two.ts", `import { one } from "./one.ts";\nexport const two = () => one;\n`);
    const args = ["-f", "json", "runner/src/base/one.ts", "runner/src/base/two.ts"];
    const result = await runCommand(join(BIN, "oxlint"), args, { cwd: scratch.root });
    expect(result.stdout).toContain("import(no-cycle)");
  });
});

describe("the compiler", () => {
  let scratch: Scratch;
  beforeAll(() => {
    scratch = createScratch({ typeAware: false });
    for (const { folder } of Object.values(PACKAGES)) {
      scratch.write(`${folder}/target.ts`, "export function probe(): void {}\n");
    }
    scratch.write("protocol/src/index.ts", "export function probe(): void {}\n");
  });
  afterAll(() => {
    scratch.remove();
  });

  test("refuses another package by name and by path, and lets protocol through", async ({ expect }) => {
    // A path into protocol's own sources compiles, as the reference says; the linter refuses it.
    const probes = packageProbes().filter(
      (probe) => !probe.file.startsWith("protocol/") && !probe.text.includes("/protocol/src/"),
    );
    const refused = await compile(scratch, probes);
    const judged = (allowed: boolean): string[] => probes.filter((probe) => probe.allowed === allowed).map(keyOf);
    expect(judged(false).filter((key) => !refused.has(key))).toEqual([]);
    expect(judged(true).filter((key) => refused.has(key))).toEqual([]);
  });

  test("refuses every other package in protocol", async ({ expect }) => {
    const probes = packageProbes().filter((probe) => probe.file.startsWith("protocol/"));
    const refused = await compile(scratch, probes);
    expect(probes.map(keyOf).filter((key) => !refused.has(key))).toEqual([]);
  });

  test("is not asked at run time, where Node refuses the same names", async ({ expect }) => {
    const names = Object.values(PACKAGES).map((entry) => entry.name);
    for (const name of new Set(names.filter((entry) => !/(?:protocol|sdk)$/u.test(entry)))) {
      scratch.write("runner/src/probe.mjs", `await import("${name}");\n`);
      const file = join(scratch.root, "runner/src/probe.mjs");
      const result = await runCommand(process.execPath, [file]);
      expect(result.output, name).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
    }
  });
});
