/** Waiting for a run, and what its end means for the exit code. */
import { Run } from "@cronium/protocol/run";
import { isTerminal, type RunState } from "@cronium/protocol/run-states";
import type { Api } from "../api/client.ts";
import { exitCodes, ExitError } from "../base/exit-error.ts";
import { sleep } from "../base/retryable.ts";
import { span, took } from "../output/words.ts";
import type { Cli } from "./context.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

/** Resolves once the run has ended. Throws `waitTimedOut` after `timeoutMs`; the run goes on. */
export async function waitForEnd(cli: Cli, api: Api, runId: string, timeoutMs: number | undefined): Promise<Run> {
  const deadline = cli.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
  let told = "";
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 1.4)) {
    const run = await api.json("GET", `/runs/${runId}`, Run);
    if (isTerminal(run.state)) {
      return run;
    }
    const waits = run.queueReason !== null && run.message !== null ? `${runId} waits: ${run.message}` : "";
    if (waits !== told && waits !== "") {
      cli.out.say(waits);
    }
    told = waits;
    const left = deadline - cli.now();
    if (left <= 0) {
      throw timedOut(runId, timeoutMs ?? 0);
    }
    await sleep(Math.min(pause, left));
  }
}

export function timedOut(runId: string, timeoutMs: number): ExitError {
  return new ExitError(
    "waitTimedOut",
    `${runId} has not ended within ${span(timeoutMs)}; it goes on.`,
    `Wait on with cronium runs wait ${runId}.`,
  );
}

/** Says on stderr how it ended. The answer is the exit code. */
export function tellEnd(cli: Cli, run: Run): number {
  const { out } = cli;
  const time = run.startedAt === null ? "" : ` after ${took(run.startedAt, run.finishedAt, cli.now())}`;
  const good = run.state === "succeeded";
  out.say(
    out.sayStyle(
      good ? "green" : "red",
      `${run.id} ${run.state}${time}${run.message === null ? "" : `: ${run.message}`}`,
    ),
  );
  return exitCodeOf(run.state);
}

export function exitCodeOf(state: RunState): number {
  switch (state) {
    case "failed":
    case "timed_out":
      return exitCodes.runFailed;
    case "cancelled":
      return exitCodes.runCancelled;
    case "expired":
    case "skipped":
      return exitCodes.runNotStarted;
    default:
      return exitCodes.ok;
  }
}

/** Ctrl-C stops the waiting, not the run, and says so. */
export function onInterrupt(cli: Cli, runId: string): void {
  process.removeAllListeners("SIGINT");
  process.once("SIGINT", () => {
    cli.out.say(`\n${runId} goes on. Cancel it with: cronium runs cancel ${runId}`);
    process.exit(exitCodes.interrupted);
  });
}
