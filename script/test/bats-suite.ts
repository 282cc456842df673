import { lastLines, runCommand } from "../command.ts";
import { listFiles, ROOT } from "../repository.ts";
import { failure, type Outcome, type PartResult, requireTests } from "./outcome.ts";

const PART = "sdk-bash";
const TIMEOUT_MS = 300_000;

/** Reads bats' TAP output; a plan that promises more tests than were seen is a failure. */
export function parseTap(tap: string): Outcome[] {
  const outcomes: Outcome[] = [];
  let planned = 0;
  let details: string[] = [];
  const flush = (): void => {
    const last = outcomes.pop();
    if (last !== undefined) {
      outcomes.push(last.state === "failed" ? failure(PART, last.name, details.join("\n")) : last);
    }
    details = [];
  };
  for (const line of tap.split("\n")) {
    const plan = /^1\.\.(\d+)/u.exec(line);
    const test = /^(not )?ok \d+ (.*?)(?: # skip ?(.*))?$/u.exec(line);
    if (plan !== null) {
      planned = Number(plan[1]);
    } else if (test !== null) {
      flush();
      const name = test[2] ?? "";
      if (test[3] === undefined) {
        outcomes.push({ part: PART, name, state: test[1] === undefined ? "passed" : "failed" });
      } else {
        outcomes.push({ part: PART, name, state: "skipped", detail: test[3] || "no reason given" });
      }
    } else if (line.startsWith("#")) {
      details.push(line.slice(1).trim());
    }
  }
  flush();
  if (outcomes.length < planned) {
    const detail = `${planned} tests were planned, ${outcomes.length} ran`;
    outcomes.push(failure(PART, "bats ended early", detail));
  }
  return outcomes;
}

/** Runs every bats file of the repository. */
export async function runBats(bats: string): Promise<PartResult> {
  const files = (await listFiles()).filter((path) => path.endsWith(".bats"));
  if (files.length === 0) {
    return requireTests({ part: PART, ms: 0, outcomes: [] });
  }
  const begin = performance.now();
  const run = await runCommand(bats, ["--formatter", "tap", ...files], {
    cwd: ROOT,
    timeoutMs: TIMEOUT_MS,
  });
  const ms = performance.now() - begin;
  const outcomes = parseTap(run.stdout);
  if (run.code !== 0 && !outcomes.some((outcome) => outcome.state === "failed")) {
    outcomes.push(failure(PART, `bats ended with ${run.code}`, lastLines(run.output)));
  }
  return requireTests({ part: PART, ms, outcomes });
}
