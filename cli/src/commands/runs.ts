/** `cronium runs`: what was triggered and what became of it; cancelling, repeating, putting back. */
import { randomUUID } from "node:crypto";
import { RunAccepted } from "@cronium/protocol/api/events";
import { CancelAccepted, RequeueAccepted, RunPage } from "@cronium/protocol/api/runs";
import { Run, type RunSummary } from "@cronium/protocol/run";
import { readPages } from "../api/pages.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { printFacts, printTable } from "../output/table.ts";
import { ago, labelsText, stateCell, took } from "../output/words.ts";
import { CHAINED_COLUMNS, chainedRow, startedBy } from "./chain-flags.ts";
import type { Cli } from "./context.ts";
import { printPart } from "./print-page.ts";
import { onInterrupt, tellEnd, waitForEnd } from "./run-end.ts";
import { filterOf } from "./run-filter.ts";
import { afterTrigger, printResult, triggerOptions } from "./run.ts";

export async function listRuns(cli: Cli, input: Input): Promise<void> {
  const limit = input.number("limit", 1, 10_000) ?? 50;
  const api = await cli.connect();
  const { fields, deadLetter } = await filterOf(api, cli, input);
  const parent = input.text("parent");
  const query = {
    ...fields,
    ...(deadLetter ? { deadLetter: "true" } : {}),
    ...(parent === undefined ? {} : { parentRunId: parent }),
  };
  const page = await readPages<RunSummary>(api, "/runs", RunPage, { limit, cursor: input.text("cursor"), query });
  const now = cli.now();
  printPart(cli, page, ["RUN", "STATE", "EVENT", "QUEUED", "TOOK", "RUNNER", "WHY"], (run) => [
    run.id,
    stateCell(run.state),
    run.eventName,
    ago(run.queuedAt, now),
    took(run.startedAt, run.finishedAt, now),
    run.runnerName ?? "-",
    run.message ?? "",
  ]);
}

function progressText({ fraction, message }: NonNullable<Run["progress"]>): string {
  return [fraction === null ? null : `${Math.round(fraction * 100)} %`, message]
    .filter((part) => part !== null)
    .join(" ");
}

export async function showRun(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const run = await api.json("GET", `/runs/${segment(input.arg(0))}`, Run);
  const { out } = cli;
  if (out.json) {
    out.value(run);
    return;
  }
  const now = cli.now();
  printFacts(out, [
    ["run", run.id],
    ["event", run.eventVersion === null ? run.eventName : `${run.eventName}, version ${run.eventVersion}`],
    ["name", run.name],
    ["state", stateCell(run.state)],
    ["progress", run.progress === null ? null : progressText(run.progress)],
    ["condition", run.condition === null ? null : String(run.condition)],
    ["why", run.message],
    ["queue", run.queue],
    ["queued", `${run.queuedAt} (${ago(run.queuedAt, now)})`],
    ["took", run.startedAt === null ? null : took(run.startedAt, run.finishedAt, now)],
    ["runner", run.runnerName],
    ["exit code", run.exitCode === null ? null : String(run.exitCode)],
    ["labels", labelsText(run.labels)],
    ["repeats", run.retryOf],
    ["started by", startedBy(run.origin)],
    ["log", `${run.logBytes} bytes, ${run.logState}`],
    ["artifacts", run.artifacts.length === 0 ? null : run.artifacts.map(({ name }) => name).join(", ")],
    ["input", run.input === null ? null : JSON.stringify(run.input)],
    ["output", run.output === null ? null : JSON.stringify(run.output)],
  ]);
  if (run.attempts.length > 1) {
    out.line("");
    printTable(
      out,
      ["ATTEMPT", "STATE", "RUNNER", "TOOK", "WHY"],
      run.attempts.map((attempt) => [
        String(attempt.attempt),
        stateCell(attempt.state),
        attempt.runnerName ?? "-",
        took(attempt.startedAt, attempt.finishedAt, now),
        attempt.message ?? "",
      ]),
    );
  }
  if (run.chained.length > 0) {
    out.line("");
    printTable(out, CHAINED_COLUMNS, run.chained.map(chainedRow));
  }
}

export async function waitRun(cli: Cli, input: Input): Promise<number> {
  const api = await cli.connect();
  onInterrupt(cli, input.arg(0));
  const run = await waitForEnd(cli, api, segment(input.arg(0)), input.duration("timeout"));
  printResult(cli, run);
  return tellEnd(cli, run);
}

export async function cancelRun(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const accepted = await api.json("POST", `/runs/${segment(input.arg(0))}/cancel`, CancelAccepted);
  if (cli.out.json) {
    cli.out.value(accepted);
  } else {
    cli.out.line(`${accepted.runId}\t${accepted.state}`);
  }
}

export async function retryRun(cli: Cli, input: Input): Promise<number> {
  const body = triggerOptions(input);
  const api = await cli.connect();
  const idempotencyKey = input.text("idempotency-key") ?? randomUUID();
  const accepted = await api.json("POST", `/runs/${segment(input.arg(0))}/retry`, RunAccepted, {
    body,
    idempotencyKey,
  });
  return afterTrigger(cli, input, api, accepted);
}

export async function updateRun(cli: Cli, input: Input): Promise<void> {
  const priority = input.number("priority", -100, 100);
  if (priority === undefined) {
    throw new ExitError("usage", "There is nothing to change.", "Give --priority with a number from -100 to 100.");
  }
  const api = await cli.connect();
  const run = await api.json("PATCH", `/runs/${segment(input.arg(0))}`, Run, { body: { priority } });
  if (cli.out.json) {
    cli.out.value(run);
  } else {
    cli.out.line(`${run.id}\tpriority ${run.priority}`);
  }
}

/** Puts a dead letter back into the queue, as the same run. */
export async function requeueRun(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const idempotencyKey = input.text("idempotency-key") ?? randomUUID();
  const path = `/runs/${segment(input.arg(0))}/requeue`;
  const accepted = await api.json("POST", path, RequeueAccepted, { idempotencyKey });
  const { out } = cli;
  if (out.json) {
    out.value(accepted);
  } else {
    out.line(`${accepted.runId}\t${accepted.state}`);
    if (!accepted.requeued) {
      out.say("An earlier request has requeued it; this one changed nothing.");
    }
  }
}

/** One part of a path: an id holds no slash, and what is no id is refused by the control plane. */
export function segment(id: string): string {
  if (id === "" || id === "." || id === "..") {
    throw new ExitError("usage", `${JSON.stringify(id)} is not an id.`, "Use an id as the lists show it.");
  }
  return encodeURIComponent(id);
}
