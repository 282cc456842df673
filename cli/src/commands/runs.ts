/** `cronium runs`: what was triggered and what became of it; cancelling, repeating, and the same for many at once. */
import { randomUUID } from "node:crypto";
import { Bulk, BulkAccepted, BulkPreview } from "@cronium/protocol/api/bulk";
import { RunAccepted } from "@cronium/protocol/api/events";
import { CancelAccepted, RunFilter, RunPage } from "@cronium/protocol/api/runs";
import { Run, type RunSummary } from "@cronium/protocol/run";
import { runStates, triggers } from "@cronium/protocol/run-states";
import { readPages } from "../api/pages.ts";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { sleep } from "../base/retryable.ts";
import { printFacts, printTable } from "../output/table.ts";
import { ago, labelsText, stateCell, took } from "../output/words.ts";
import { type Cli, confirm } from "./context.ts";
import { eventId } from "./event-ref.ts";
import { onInterrupt, tellEnd, waitForEnd } from "./run-end.ts";
import { afterTrigger, printResult, triggerOptions } from "./run.ts";

export async function listRuns(cli: Cli, input: Input): Promise<void> {
  const limit = input.number("limit", 1, 10_000) ?? 50;
  const api = await cli.connect();
  const query = await filterOf(api, cli, input);
  const page = await readPages<RunSummary>(api, "/runs", RunPage, { limit, cursor: input.text("cursor"), query });
  const { out } = cli;
  if (out.json) {
    out.value(page);
    return;
  }
  const now = cli.now();
  printTable(
    out,
    ["RUN", "STATE", "EVENT", "QUEUED", "TOOK", "RUNNER", "WHY"],
    page.items.map((run) => [
      run.id,
      stateCell(run.state),
      run.eventName,
      ago(run.queuedAt, now),
      took(run.startedAt, run.finishedAt, now),
      run.runnerName ?? "-",
      run.message ?? "",
    ]),
  );
  tellMore(cli, page.nextCursor);
}

export function tellMore({ out }: Cli, nextCursor: string | null): void {
  if (nextCursor !== null) {
    out.say(`There are more: --cursor ${nextCursor}`);
  }
}

/** The filters of a list of runs, which bulk work shares. */
async function filterOf(api: Api, cli: Cli, input: Input): Promise<Record<string, string | string[]>> {
  const states = input.list("state").flatMap((text) => text.split(","));
  const event = input.text("event");
  const filter = {
    ...(states.length === 0 ? {} : { state: states }),
    ...(event === undefined ? {} : { eventId: await eventId(api, event) }),
    ...(input.list("label").length === 0 ? {} : { label: [...input.list("label")] }),
    ...optional("runnerId", input.text("runner")),
    ...optional("trigger", input.text("trigger")),
    ...optional("from", moment(cli, input, "from")),
    ...optional("to", moment(cli, input, "to")),
    ...optional("q", input.text("search")),
  };
  const parsed = RunFilter.safeParse(filter);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = FLAGS[String(issue?.path[0])] ?? String(issue?.path[0]);
    const known =
      field === "state"
        ? `States: ${runStates.join(", ")}.`
        : field === "trigger"
          ? `Triggers: ${triggers.join(", ")}.`
          : "See cronium runs list --help.";
    throw new ExitError("usage", `--${field} ${issue?.message ?? "is not valid"}.`, known);
  }
  return filter as Record<string, string | string[]>;
}

const FLAGS: Readonly<Record<string, string>> = { eventId: "event", runnerId: "runner", q: "search" };

function optional(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}

/** A moment as ISO 8601, or as a time before now: `2h`, `7d`. */
export function moment(cli: Cli, input: Input, name: string): string | undefined {
  const text = input.text(name);
  if (text === undefined || !/^\d+(?:ms|s|m|h|d)$/.test(text)) {
    return text;
  }
  return new Date(cli.now() - (input.duration(name) ?? 0)).toISOString();
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
    ["state", stateCell(run.state)],
    ["why", run.message],
    ["queue", run.queue],
    ["queued", `${run.queuedAt} (${ago(run.queuedAt, now)})`],
    ["took", run.startedAt === null ? null : took(run.startedAt, run.finishedAt, now)],
    ["runner", run.runnerName],
    ["exit code", run.exitCode === null ? null : String(run.exitCode)],
    ["labels", labelsText(run.labels)],
    ["repeats", run.retryOf],
    ["log", `${run.logBytes} bytes, ${run.logState}`],
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

const BULK_POLL_MS = 500;

export async function cancelMany(cli: Cli, input: Input): Promise<number> {
  const api = await cli.connect();
  const filter = await filterOf(api, cli, input);
  if (Object.keys(filter).length === 0) {
    throw new ExitError(
      "usage",
      "A bulk cancel needs a filter.",
      "Add one, such as --state queued; see cronium runs cancel-many --help.",
    );
  }
  const { out } = cli;
  const preview = await api.json("POST", "/bulk", BulkPreview, { body: { action: "cancel", filter, dryRun: true } });
  const count = `${preview.exact ? "" : "more than "}${preview.matched}`;
  if (input.flag("dry-run")) {
    if (out.json) {
      out.value(preview);
    } else {
      out.line(count);
    }
    return 0;
  }
  await confirm(cli, input, `Cancel ${count} runs?`);
  const body = { action: "cancel", filter, dryRun: false };
  const { bulkId } = await api.json("POST", "/bulk", BulkAccepted, { body, idempotencyKey: randomUUID() });
  let bulk = await api.json("GET", `/bulk/${bulkId}`, Bulk);
  while (bulk.state === "running") {
    await sleep(BULK_POLL_MS);
    bulk = await api.json("GET", `/bulk/${bulkId}`, Bulk);
  }
  if (out.json) {
    out.value(bulk);
  } else {
    out.line(`${bulk.done} cancelled, ${bulk.failed} not, of ${bulk.matched} found`);
    for (const { code, count: times, example } of bulk.reasons) {
      out.say(`${times} × ${code}, such as ${example}`);
    }
  }
  return 0;
}

/** One part of a path: an id holds no slash, and what is no id is refused by the control plane. */
export function segment(id: string): string {
  if (id === "" || id === "." || id === "..") {
    throw new ExitError("usage", `${JSON.stringify(id)} is not an id.`, "Use an id as the lists show it.");
  }
  return encodeURIComponent(id);
}
