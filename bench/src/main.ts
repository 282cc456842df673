/** `npm run bench [-- NAME…] [--rounds N] [--json]`: measures, prints a table each, writes `bench/results/<name>.json`. */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "./benchmark.ts";
import { cliStart } from "./cases/cli-start.ts";
import { coldTti } from "./cases/cold-tti.ts";
import { controlApi } from "./cases/control-api.ts";
import { dispatch } from "./cases/dispatch.ts";
import { burst100, noop1000 } from "./cases/fresh-containers.ts";
import { live1000 } from "./cases/live-1000.ts";
import { logFlood } from "./cases/log-flood.ts";
import { logLatency } from "./cases/log-latency.ts";
import { neighbours } from "./cases/neighbours.ts";
import { overhead } from "./cases/overhead.ts";
import { punctuality } from "./cases/punctuality.ts";
import { runtimeApi } from "./cases/runtime-api.ts";
import { warmTti } from "./cases/warm-tti.ts";
import { webhook } from "./cases/webhook.ts";
import { describeMachine } from "./machine.ts";
import { workerdProgram } from "./reference/bare-worker.ts";
import { passes, tableOf, writeReport, type Report } from "./report.ts";

const benchmarks: Readonly<Record<string, Benchmark>> = {
  "cli-start": cliStart,
  "cold-tti": coldTti,
  "warm-tti": warmTti,
  dispatch,
  neighbours,
  "control-api": controlApi,
  overhead,
  "log-latency": logLatency,
  "log-flood": logFlood,
  "live-1000": live1000,
  "noop-1000": noop1000,
  "burst-100": burst100,
  "runtime-api": runtimeApi,
  punctuality,
  webhook,
};

const USAGE = `Usage: npm run bench [-- NAME…] [-- --rounds N] [-- --json]

  NAME        ${Object.keys(benchmarks).join(", ")} (default: all)
  --rounds N  turns that ours and the reference take, 1 to 100 (default 5)
  --json      print the reports as JSON instead of tables
`;

const RESULTS = fileURLToPath(new URL("../results", import.meta.url));

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "5" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const rounds = Number(values.rounds);
  const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown !== undefined || !Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    const cause =
      unknown === undefined
        ? `--rounds must be 1 to 100, not ${values.rounds}.`
        : `There is no benchmark "${unknown}".`;
    process.stderr.write(`${cause}\n${USAGE}`);
    return 2;
  }
  let good = true;
  for (const name of positionals.length > 0 ? positionals : Object.keys(benchmarks)) {
    const report = await measure(name, rounds);
    writeReport(RESULTS, report);
    process.stdout.write(`${values.json === true ? JSON.stringify(report) : tableOf(report)}\n\n`);
    good &&= passes(report);
  }
  return good ? 0 : 1;
}

async function measure(name: string, rounds: number): Promise<Report> {
  const machine = describeMachine(workerdProgram());
  const at = new Date().toISOString();
  const benchmark = benchmarks[name] as Benchmark;
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  return { name, at, machine, rounds, ...(await benchmark({ rounds, progress })) };
}

process.exitCode = await main();
