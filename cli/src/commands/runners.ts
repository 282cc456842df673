/** `cronium runners`: the machines that do the work. */
import { DrainRunner, PauseRunner, RunnerPage } from "@cronium/protocol/api/runners";
import { Runner, RunnerDetail } from "@cronium/protocol/runner-view";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { printFacts, printTable } from "../output/table.ts";
import { ago, labelsText, stateCell } from "../output/words.ts";
import { type Cli, confirm } from "./context.ts";
import { printPage } from "./print-page.ts";
import { segment } from "./runs.ts";

export async function listRunners(cli: Cli): Promise<void> {
  const api = await cli.connect();
  const page = await api.json("GET", "/runners", RunnerPage);
  const now = cli.now();
  printPage(cli, page, ["RUNNER", "NAME", "STATE", "SLOTS", "LABELS", "VERSION", "LAST SEEN"], (runner) => [
    runner.id,
    runner.name,
    stateCell(runner.state),
    `${runner.slotsUsed}/${runner.slots}`,
    labelsText(runner.labels),
    runner.version,
    ago(runner.lastSeenAt, now),
  ]);
}

export async function showRunner(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const { id } = await findRunner(api, input.arg(0));
  const runner = await api.json("GET", `/runners/${segment(id)}`, RunnerDetail);
  if (cli.out.json) {
    cli.out.value(runner);
    return;
  }
  const { platform } = runner;
  printFacts(cli.out, [
    ["runner", runner.id],
    ["name", runner.name],
    ["state", stateCell(runner.state)],
    ["paused", pausedText(runner)],
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
    ...machineFacts(runner, cli.now()),
    ["latency", runner.latencyMs === null ? null : `${Math.round(runner.latencyMs)} ms`],
    ["last seen", runner.lastSeenAt === null ? null : `${runner.lastSeenAt} (${ago(runner.lastSeenAt, cli.now())})`],
  ]);
  if (runner.jobs.length > 0) {
    cli.out.line("");
    printTable(
      cli.out,
      ["RUN", "ATTEMPT", "STATE", "STARTED", "EVENT"],
      runner.jobs.map((job) => [
        job.runId,
        String(job.attempt),
        stateCell(job.state),
        ago(job.startedAt, cli.now()),
        job.eventName,
      ]),
    );
  }
}

export async function pauseRunner(cli: Cli, input: Input): Promise<void> {
  const forMs = input.duration("for");
  const body = {
    note: input.text("note") ?? "",
    ...(forMs === undefined ? {} : { forSeconds: Math.round(forMs / 1_000) }),
  };
  check(PauseRunner.safeParse(body), "A note has at most 500 characters; --for is 1m to 30d.");
  await changeRunner(cli, input, "pause", body);
}

export async function resumeRunner(cli: Cli, input: Input): Promise<void> {
  await changeRunner(cli, input, "resume", undefined);
}

export async function drainRunner(cli: Cli, input: Input): Promise<void> {
  const body = { note: input.text("note") ?? "" };
  check(DrainRunner.safeParse(body), "A note has at most 500 characters.");
  await changeRunner(cli, input, "drain", body);
}

function check({ error }: ReturnType<typeof PauseRunner.safeParse | typeof DrainRunner.safeParse>, next: string): void {
  if (error !== undefined) {
    const [issue] = error.issues;
    const flag = issue?.path[0] === "forSeconds" ? "for" : "note";
    throw new ExitError("usage", `--${flag} ${issue?.message ?? "is not valid"}.`, next);
  }
}

async function changeRunner(cli: Cli, input: Input, verb: "pause" | "resume" | "drain", body: unknown): Promise<void> {
  const api = await cli.connect();
  const { id } = await findRunner(api, input.arg(0));
  const runner = await api.json("POST", `/runners/${segment(id)}/${verb}`, Runner, { body });
  if (cli.out.json) {
    cli.out.value(runner);
  } else {
    cli.out.line([runner.id, runner.state, pausedText(runner) ?? ""].join("\t").trimEnd());
  }
}

function pausedText({ paused }: Runner): string | null {
  if (paused === null) {
    return null;
  }
  const where = paused.by === "machine" ? "at its machine" : "";
  const until = paused.until === null ? "" : `until ${paused.until}`;
  return [`since ${paused.at}`, where, until, paused.note].filter((part) => part !== "").join(", ");
}

function machineFacts({ facts, metrics, platform }: RunnerDetail, now: number): (readonly [string, string | null])[] {
  const gb = (mb: number): string => `${(mb / 1_024).toFixed(1)} GB`;
  const disk = (which: "data" | "engine"): string | null => {
    const size = facts?.disks[which] ?? null;
    const free = metrics?.diskFreeMb[which] ?? null;
    return size === null ? null : `${free === null ? "" : `${gb(free)} free of `}${gb(size.sizeMb)}, ${size.path}`;
  };
  const engine = facts?.engine ?? null;
  const interpreters = Object.entries(facts?.interpreters ?? {}).filter(([, version]) => version !== null);
  return [
    ["kernel", facts?.kernel ?? null],
    [
      "engine",
      engine === null
        ? null
        : [
            `${engine.name} ${engine.version}, API ${engine.api}`,
            engine.containerd === null ? "" : `containerd ${engine.containerd}`,
            engine.rootless ? "rootless" : "",
          ]
            .filter((part) => part !== "")
            .join(", "),
    ],
    ["interpreters", interpreters.map(([name, version]) => `${name} ${version}`).join(", ")],
    ["scripts without a container", facts === null ? null : facts.process ? "allowed by its policy" : "not allowed"],
    ["disk, data", disk("data")],
    ["disk, engine", disk("engine")],
    ["load", metrics === null ? null : metrics.load.map((load) => load.toFixed(2)).join(" ")],
    [
      "memory",
      metrics === null
        ? null
        : `${gb(metrics.memoryUsedMb)}${platform === null ? "" : ` of ${gb(platform.memoryMb)}`} in use`,
    ],
    [
      "waiting containers",
      metrics === null
        ? null
        : metrics.waiting
            .map(({ count, runtime, memoryMb, cpus }) => `${count} ${runtime} (${memoryMb} MB, ${cpus} CPUs)`)
            .join(", "),
    ],
    ["measured", metrics === null ? null : ago(metrics.at, now)],
  ];
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
