/** `cronium runners`: the machines that do the work. */
import { RunnerPage } from "@cronium/protocol/api/runners";
import type { Runner } from "@cronium/protocol/runner-view";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { printFacts, printTable } from "../output/table.ts";
import { ago, labelsText, stateCell } from "../output/words.ts";
import { type Cli, confirm } from "./context.ts";
import { segment } from "./runs.ts";

export async function listRunners(cli: Cli): Promise<void> {
  const api = await cli.connect();
  const page = await api.json("GET", "/runners", RunnerPage);
  if (cli.out.json) {
    cli.out.value(page);
    return;
  }
  const now = cli.now();
  printTable(
    cli.out,
    ["RUNNER", "NAME", "STATE", "SLOTS", "LABELS", "VERSION", "LAST SEEN"],
    page.items.map((runner) => [
      runner.id,
      runner.name,
      stateCell(runner.state),
      `${runner.slotsUsed}/${runner.slots}`,
      labelsText(runner.labels),
      runner.version,
      ago(runner.lastSeenAt, now),
    ]),
  );
}

export async function showRunner(cli: Cli, input: Input): Promise<void> {
  const runner = await findRunner(await cli.connect(), input.arg(0));
  if (cli.out.json) {
    cli.out.value(runner);
    return;
  }
  const { platform } = runner;
  printFacts(cli.out, [
    ["runner", runner.id],
    ["name", runner.name],
    ["state", stateCell(runner.state)],
    ["not ready", runner.notReady.join(", ")],
    ["warning", runner.warnings.map(({ message }) => message).join(" ")],
    ["slots", `${runner.slotsUsed} of ${runner.slots} in use`],
    ["labels", labelsText(runner.labels)],
    ["version", runner.version],
    ["stays", runner.ephemeral ? "for one job" : null],
    [
      "machine",
      platform === null
        ? null
        : `${platform.hostname}, ${platform.os} ${platform.arch}, ${platform.cpus} CPUs, ${platform.memoryMb} MB`,
    ],
    ["latency", runner.latencyMs === null ? null : `${Math.round(runner.latencyMs)} ms`],
    ["last seen", runner.lastSeenAt === null ? null : `${runner.lastSeenAt} (${ago(runner.lastSeenAt, cli.now())})`],
  ]);
}

export async function removeRunner(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const runner = await findRunner(api, input.arg(0));
  await confirm(cli, input, `Remove the runner ${runner.name}? What it runs is lost to it.`);
  await api.send("DELETE", `/runners/${segment(runner.id)}`);
  if (cli.out.json) {
    cli.out.value({ runnerId: runner.id, removed: true });
  } else {
    cli.out.line(`${runner.id}\tremoved`);
  }
}

/** By id or name. */
async function findRunner(api: Api, named: string): Promise<Runner> {
  const { items } = await api.json("GET", "/runners", RunnerPage);
  const found = items.find(({ id, name }) => id === named || name === named);
  if (found === undefined) {
    throw new ExitError("notFound", `There is no runner ${JSON.stringify(named)}.`, "See cronium runners list.");
  }
  return found;
}
