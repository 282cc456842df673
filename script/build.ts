/**
 * `npm run build [target…]`: builds what changed since the last time.
 *
 * A target whose inputs, lockfile and build program have the same content as at its last build is
 * left alone; that look costs a few milliseconds.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hashInputs } from "./build/input-hash.ts";
import { hasOutputs, ROOT, type Target, TARGET_NAMES, type TargetName, TARGETS } from "./build/targets.ts";
import { formatMs, type Report, reportToTerminal } from "./progress.ts";

/** Files that decide how every target is built. */
const COMMON_INPUTS = ["package-lock.json", "tsconfig.base.json", "script/build", "script/build.ts"];

export interface BuildResult {
  readonly target: TargetName;
  /** `absent`: an optional target without sources. */
  readonly outcome: "built" | "unchanged" | "absent";
  readonly ms: number;
}

/** Builds one target; `first` builds, or waits for, one that it stands on. */
async function buildOne(
  name: TargetName,
  report: Report,
  first: (name: string) => Promise<unknown>,
): Promise<BuildResult> {
  const begin = performance.now();
  const done = (outcome: BuildResult["outcome"]): BuildResult => {
    const ms = performance.now() - begin;
    if (outcome === "built") {
      report(`Built ${name} in ${formatMs(ms)}`);
    }
    return { target: name, outcome, ms };
  };
  const target: Target = TARGETS[name];
  await Promise.all((target.after ?? []).map(first));
  if (!existsSync(join(ROOT, target.entry))) {
    if (target.optional === true) {
      return done("absent");
    }
    throw new Error(`Cannot build ${name}: ${target.entry} does not exist`);
  }
  const hash = hashInputs(ROOT, [...COMMON_INPUTS, ...target.inputs]);
  const stamp = join(ROOT, ".cache", "build", `${name}.hash`);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash && hasOutputs(target)) {
    return done("unchanged");
  }
  // Removed first and written last: a build that was interrupted is repeated.
  rmSync(stamp, { force: true });
  try {
    await target.build();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Building ${name} failed: ${message}`, { cause });
  }
  if (!hasOutputs(target)) {
    throw new Error(`Building ${name} did not write ${target.outputs.join(", ")}`);
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
  return done("built");
}

/**
 * Builds the named targets, several at once, and leaves unchanged ones alone.
 *
 * @param targets default: all
 * @throws AggregateError naming each target that could not be built
 */
export async function build(
  targets: readonly TargetName[] = TARGET_NAMES,
  report: Report = reportToTerminal,
): Promise<BuildResult[]> {
  const begun = new Map<TargetName, Promise<BuildResult>>();
  const buildOnce = (name: TargetName): Promise<BuildResult> => {
    const running = begun.get(name) ?? buildOne(name, report, (other) => buildOnce(other as TargetName));
    begun.set(name, running);
    return running;
  };
  const settled = await Promise.allSettled(targets.map(buildOnce));
  const failures = settled.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  if (failures.length > 0) {
    // A target fails with the one it stands on: each cause is told once.
    const lines = [
      ...new Set(failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)))),
    ];
    throw new AggregateError(failures, lines.join("\n"));
  }
  return settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

async function main(args: readonly string[]): Promise<number> {
  const known = (name: string): name is TargetName => Object.hasOwn(TARGETS, name);
  const unknown = args.filter((name) => !known(name));
  if (unknown.length > 0) {
    reportToTerminal(`Unknown target ${unknown.join(", ")}. Known: ${TARGET_NAMES.join(", ")}.`);
    return 2;
  }
  try {
    const results = await build(args.length === 0 ? undefined : args.filter(known));
    for (const { target, outcome, ms } of results) {
      process.stdout.write(`${target.padEnd(10)} ${outcome.padEnd(10)} ${formatMs(ms)}\n`);
    }
    return 0;
  } catch (error) {
    reportToTerminal(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2));
}
