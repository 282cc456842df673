import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { lastLines, runCommand } from "../command.ts";
import { ROOT } from "../repository.ts";
import { failure, type Outcome, type PartResult, requireTests } from "./outcome.ts";

const PART = "images";
const BUILD_TIMEOUT_MS = 900_000;
const SMOKE_TIMEOUT_MS = 120_000;

/** Builds the images that are absent and runs each one's smoke script on it. */
export async function runImages(): Promise<PartResult> {
  const begin = performance.now();
  const outcomes: Outcome[] = [];
  const built = await runCommand("bash", [join(ROOT, "images/build.sh")], {
    cwd: ROOT,
    timeoutMs: BUILD_TIMEOUT_MS,
    onOutput: (text) => process.stdout.write(text),
  });
  if (built.code !== 0) {
    outcomes.push(failure(PART, "images/build.sh", lastLines(built.output, 30)));
    return { part: PART, ms: performance.now() - begin, outcomes };
  }
  const tags = JSON.parse(built.stdout) as Record<string, string>;
  for (const name of readdirSync(join(ROOT, "images")).toSorted()) {
    const script = join(ROOT, "images", name, "smoke.sh");
    if (!existsSync(script)) {
      continue;
    }
    const args = [script, tags[name] ?? ""];
    const run = await runCommand("bash", args, { cwd: ROOT, timeoutMs: SMOKE_TIMEOUT_MS });
    outcomes.push(
      run.code === 0
        ? { part: PART, name: `${name}/smoke.sh`, state: "passed" }
        : failure(PART, `${name}/smoke.sh`, lastLines(run.output, 30)),
    );
  }
  return requireTests({ part: PART, ms: performance.now() - begin, outcomes });
}
