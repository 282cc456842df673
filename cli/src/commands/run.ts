/** `cronium run`: an event, or a script that is not stored, with or without waiting for its end. */
import { randomUUID } from "node:crypto";
import { basename, extname } from "node:path";
import { AdHocRun } from "@cronium/protocol/api/runs";
import { RunAccepted, type TriggerRun } from "@cronium/protocol/api/events";
import type { Run } from "@cronium/protocol/run";
import type { Api } from "../api/client.ts";
import { followRun } from "../api/live.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import type { Cli } from "./context.ts";
import { eventId } from "./event-ref.ts";
import { jsonInput, readText, withFields } from "./json-input.ts";
import { makeLogPrinter } from "./log-print.ts";
import { onInterrupt, tellEnd, timedOut, waitForEnd } from "./run-end.ts";

const RUNTIMES: Readonly<Record<string, string>> = {
  ".py": "python",
  ".js": "node",
  ".mjs": "node",
  ".ts": "node",
  ".mts": "node",
  ".sh": "bash",
  ".bash": "bash",
};

const MOST_WAIT_MS = 366 * 86_400_000;

export async function run(cli: Cli, input: Input): Promise<number> {
  const named = input.maybeArg(0);
  const script = input.text("script");
  if ((named === undefined) === (script === undefined)) {
    throw new ExitError("usage", "cronium run needs an event, or --script with a file.", "See cronium run --help.");
  }
  const body = script === undefined ? eventBody(input) : scriptBody(input, script);
  const api = await cli.connect();
  const path = named === undefined ? "/runs" : `/events/${await eventId(api, named)}/runs`;
  const idempotencyKey = input.text("idempotency-key") ?? randomUUID();
  const accepted = await api.json("POST", path, RunAccepted, { body, idempotencyKey });
  return afterTrigger(cli, input, api, accepted);
}

/** Prints the id, or waits as the flags ask. */
export async function afterTrigger(cli: Cli, input: Input, api: Api, accepted: RunAccepted): Promise<number> {
  const { out } = cli;
  const { runId } = accepted;
  const follows = input.flag("follow");
  if (!follows && !input.flag("wait")) {
    if (out.json) {
      out.value(accepted);
    } else {
      out.line(runId);
    }
    return 0;
  }
  const timeoutMs = input.duration("timeout");
  out.say(accepted.created ? `Started ${runId}` : `${runId} was started before by the same key or debounce`);
  onInterrupt(cli, runId);
  if (follows) {
    return followToEnd(cli, api, runId, timeoutMs);
  }
  const ended = await waitForEnd(cli, api, runId, timeoutMs);
  printResult(cli, ended);
  return tellEnd(cli, ended);
}

async function followToEnd(cli: Cli, api: Api, runId: string, timeoutMs: number | undefined): Promise<number> {
  const { out } = cli;
  const printer = makeLogPrinter(out, { stream: undefined, attempt: undefined, raw: false }, (line) =>
    out.item({ type: "log", ...line }),
  );
  let told = "";
  const following = followRun(api, runId, {
    onFrame: (frame) => printer.push(frame),
    onRun: (run) => {
      const waits = run.queueReason !== null ? (run.message ?? "") : "";
      if (waits !== "" && waits !== told) {
        out.say(`${runId} waits: ${waits}`);
      }
      told = waits;
    },
  });
  const ended = await within(following, runId, timeoutMs);
  printer.end();
  if (out.json) {
    out.item({ type: "run", run: ended });
  }
  return tellEnd(cli, ended);
}

async function within(following: Promise<Run>, runId: string, timeoutMs: number | undefined): Promise<Run> {
  if (timeoutMs === undefined) {
    return following;
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(timedOut(runId, timeoutMs)), timeoutMs);
  });
  return Promise.race([following, late]).finally(() => clearTimeout(timer));
}

/** What the script handed to output() is the data of a run that was waited for. */
export function printResult({ out }: Cli, run: Run): void {
  if (out.json) {
    out.value(run);
  } else if (run.output !== null) {
    out.line(
      typeof run.output === "string" ? run.output : JSON.stringify(run.output, null, out.terminal ? 2 : undefined),
    );
  }
}

/** How a trigger is put off or preferred; the same for events, scripts and retries. */
export function triggerOptions(input: Input): Partial<TriggerRun> {
  const priority = input.number("priority", -100, 100);
  const delayMs = input.duration("delay");
  if (delayMs !== undefined && delayMs > MOST_WAIT_MS) {
    throw new ExitError("usage", "--delay is longer than 366 days.", "Give a shorter one.");
  }
  const payload = withFields(jsonInput(input, "input"), input.list("set"));
  return {
    ...(priority === undefined ? {} : { priority }),
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(payload === undefined ? {} : { input: payload }),
  };
}

function eventBody(input: Input): TriggerRun {
  return triggerOptions(input);
}

function scriptBody(input: Input, file: string): object {
  const runtime = input.text("runtime") ?? RUNTIMES[extname(file)];
  if (runtime === undefined) {
    throw new ExitError(
      "usage",
      `${file} does not say by its name what runs it.`,
      "Add --runtime python, node or bash.",
    );
  }
  const timeoutMs = input.duration("run-timeout");
  const body = {
    runtime,
    script: readText(file),
    name: input.text("name") ?? (file === "-" ? "stdin" : basename(file)),
    labels: input.pairs("label"),
    env: input.pairs("env"),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...triggerOptions(input),
  };
  const parsed = AdHocRun.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ExitError(
      "usage",
      `${issue?.path.map(String).join(".") ?? "The script"} ${issue?.message ?? "is not valid"}.`,
      "See cronium run --help.",
    );
  }
  return body;
}
