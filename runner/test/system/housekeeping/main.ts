/**
 * Housekeeping in full. `node runner/test/system/housekeeping/main.ts [--runs 200000] [--keep-ms 15000] [--minutes 60]`.
 * Exit code 0 when no run stays longer than it may, and bytes and memory of the second half stay within 1.3 times those
 * of the first; 1 otherwise.
 */
import { parseArgs } from "node:util";
import * as z from "zod";
import { growthOf, housekeepingTrial } from "./trial.ts";

const SAMPLES = 20;
const AT_MOST = 1.3;

const Options = z.strictObject({
  runs: z.coerce.number().int().min(1_000).max(10_000_000).default(200_000),
  "keep-ms": z.coerce.number().int().min(100).max(3_600_000).default(15_000),
  minutes: z.coerce.number().min(0.1).max(600).default(60),
});
const text = { type: "string" } as const;
const { values } = parseArgs({ options: { runs: text, "keep-ms": text, minutes: text } });
const options = Options.parse(values);
const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => interruption.abort(new Error(`Ended by ${name}.`)));
}
try {
  const report = await housekeepingTrial({
    runs: options.runs,
    keepMs: options["keep-ms"],
    samples: SAMPLES,
    withinMs: options.minutes * 60_000,
    say: (line) => process.stdout.write(`${line}\n`),
    signal: interruption.signal,
  });
  process.stdout.write(`${JSON.stringify(report.end, null, 2)}\n${options.runs} runs in ${report.seconds} s\n`);
  const faults = growthOf(report, AT_MOST);
  process.stdout.write(faults.length === 0 ? "nothing grew\n" : `${faults.join("\n")}\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
