/**
 * The soak in full. `node runner/test/system/soak/main.ts [--jobs 2000] [--capacity 4] [--warm 4]`. Exit code 0 when
 * every job succeeded, nothing is left behind, and open files, sockets and memory of the second half stay within those
 * of the first; 1 otherwise.
 */
import { parseArgs } from "node:util";
import * as z from "zod";
import { growthOf, soakTrial } from "./trial.ts";

const AT_MOST = 1.3;

const Options = z.strictObject({
  jobs: z.coerce.number().int().min(20).max(1_000_000).default(2_000),
  capacity: z.coerce.number().int().min(1).max(200).default(4),
  warm: z.coerce.number().int().min(0).max(200).default(4),
});
const text = { type: "string" } as const;
const { values } = parseArgs({ options: { jobs: text, capacity: text, warm: text } });
const options = Options.parse(values);
const report = await soakTrial({
  ...options,
  script: 'echo hi; cronium_output "$(cronium_input)"',
  withReuse: true,
  withinMs: 600_000,
  say: (line) => process.stdout.write(`${line}\n`),
});
const faults = growthOf(report, AT_MOST);
process.stdout.write(faults.length === 0 ? "nothing grew\n" : `${faults.join("\n")}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
