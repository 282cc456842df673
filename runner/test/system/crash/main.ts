/**
 * The crash suite in full. `node runner/test/system/crash/main.ts [--runs 10000] [--kills 20] [--docker-runs 200]
 * [--every-ms 1000] [--minutes 20]`. Exit code 0 when nothing was lost or doubled, 1 otherwise.
 */
import { parseArgs } from "node:util";
import * as z from "zod";
import { crashTrial } from "./suite.ts";
import { faultsOf } from "./verdict.ts";

const Count = z.coerce.number().int().min(0).max(1_000_000);
const Options = z.strictObject({
  runs: Count.default(10_000),
  kills: Count.default(20),
  "docker-runs": Count.default(200),
  "every-ms": Count.default(1_000),
  minutes: z.coerce.number().min(0.1).max(600).default(20),
});

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: { runs: text, kills: text, "docker-runs": text, "every-ms": text, minutes: text },
});
const options = Options.parse(values);
const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => interruption.abort(new Error(`The crash suite was ended by ${name}.`)));
}
const report = await crashTrial({
  runs: options.runs,
  kills: options.kills,
  dockerRuns: options["docker-runs"],
  everyMs: options["every-ms"],
  withinMs: options.minutes * 60_000,
  say: (line) => process.stdout.write(`${line}\n`),
  signal: interruption.signal,
}).catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
});
const shown = {
  ...report,
  lost: report.lost.length,
  doubled: report.doubled.length,
  projection: report.projection.length,
};
process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
const faults = faultsOf(report);
for (const fault of faults.slice(0, 50)) {
  process.stdout.write(`FAULT ${fault}\n`);
}
process.stdout.write(faults.length === 0 ? "0 lost, 0 doubled\n" : `${faults.length} faults\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
