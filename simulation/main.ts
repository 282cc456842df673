/**
 * `node simulation/main.ts [--seeds N] [--from S] [--stop] [--trace] [--json]`: simulates seeds, one after another, and
 * prints each that fails with the smallest plan that still does. Ends with 1 when one failed.
 */
import { parseArgs } from "node:util";
import { simulateLog } from "./logs.ts";
import { makePlan } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    /** Ends with the first failure. */
    stop: { type: "boolean", default: false },
    /** Prints everything that happens. */
    trace: { type: "boolean", default: false },
    /** Prints failures only, one JSON text a line, as they are. */
    json: { type: "boolean", default: false },
  },
});
const from = Number(values.from);
const until = from + Number(values.seeds);
if (!Number.isInteger(from) || !Number.isInteger(until) || until <= from) {
  throw new Error(`--from and --seeds must be whole numbers; got ${values.from} and ${values.seeds}.`);
}
const say = (text: string): void => void process.stdout.write(`${text}\n`);
let steps = 0;
let failed = 0;
const begin = performance.now();
for (let seed = from; seed < until; seed += 1) {
  const log = simulateLog(seed);
  if (log !== null) {
    failed += 1;
    say(values.json ? JSON.stringify({ seed, ...log }) : `seed ${seed}: log: ${log.id}: ${log.message}`);
    if (values.stop) {
      break;
    }
  }
  const plan = makePlan(seed);
  const report = await simulate(plan, { keepTrace: values.trace });
  steps += report.steps;
  if (values.trace) {
    say(report.trace.join("\n"));
  }
  if (report.violation === null) {
    continue;
  }
  failed += 1;
  if (values.json) {
    say(JSON.stringify({ seed, id: report.violation.id, message: report.violation.message }));
  } else {
    say(`seed ${seed}: ${report.violation.message}`);
    const small = await shrink(plan, report.violation.id);
    say(`  smallest plan: ${JSON.stringify(small.plan.actions, null, 1).replaceAll("\n", "\n  ")}`);
    say(`  what happened then:\n    ${small.report.trace.slice(-60).join("\n    ")}`);
  }
  if (values.stop) {
    break;
  }
}
if (!values.json) {
  const ms = Math.round(performance.now() - begin);
  say(`${until - from} seeds, ${steps} steps, ${failed} failed, ${ms} ms`);
}
process.exitCode = failed === 0 ? 0 : 1;
