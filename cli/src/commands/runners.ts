/** `cronium runners` and `cronium tokens`: the machines, and bringing one in. */
import { CreateRegistrationToken, RegistrationToken, RunnerPage } from "@cronium/protocol/api/runners";
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
    ["slots", `${runner.slotsUsed} of ${runner.slots} in use`],
    ["labels", labelsText(runner.labels)],
    ["version", runner.version],
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

export async function createToken(cli: Cli, input: Input): Promise<void> {
  const life = input.duration("expires-in");
  const body = {
    labels: input.pairs("label"),
    ...(life === undefined ? {} : { expiresInSeconds: Math.round(life / 1_000) }),
  };
  const parsed = CreateRegistrationToken.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const flag = issue?.path[0] === "labels" ? "label" : "expires-in";
    throw new ExitError(
      "usage",
      `--${flag} ${issue?.message ?? "is not valid"}.`,
      "A token lives 60s to 1h; a label is key=value.",
    );
  }
  const api = await cli.connect();
  const token = await api.json("POST", "/registration-tokens", RegistrationToken, { body });
  const { out } = cli;
  if (out.json) {
    out.value(token);
    return;
  }
  out.say(`Run this on the new machine; it works once, until ${token.expiresAt}:`);
  out.line(token.installCommand);
}
