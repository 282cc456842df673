/**
 * How a run ended, from who asked first and what the executor saw. Pure.
 *
 * Our own stop comes first: a script that exits with 0 because it was told to stop was cancelled. Then out of memory,
 * which takes both the kernel's word and exit code 137, because a script may survive the death of a child. Then the code.
 */
import { constants } from "node:os";
import type { JobResult, Json } from "@cronium/protocol";
import type { ExecutorError, Exit } from "../executors/types.ts";

/** Why the runner itself stopped a job. */
export type StopReason = "cancelled" | "timed_out" | "shutdown" | "lease_lost" | "log_quota";

export type Ending =
  | { readonly kind: "exited"; readonly exit: Exit }
  | { readonly kind: "failed"; readonly error: ExecutorError }
  /** It was stopped before its process existed. */
  | { readonly kind: "never_started" };

export interface VerdictInput {
  readonly ending: Ending;
  readonly stoppedFor: StopReason | null;
  readonly output: Json;
  readonly durationMs: number | null;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly logCapMb: number;
}

const SIGKILL_CODE = 137;

export function verdict(input: VerdictInput): JobResult {
  const { ending, stoppedFor, output, durationMs } = input;
  const exit = ending.kind === "exited" ? ending.exit : null;
  const common = {
    exitCode: exit?.code ?? null,
    signal: exit === null ? null : signalOf(exit.code),
    output,
    durationMs,
  };
  if (stoppedFor !== null) {
    const word = stopVerdict(stoppedFor, input);
    return { ...common, ...word, message: [word.message, stuckMessage(ending)].filter(Boolean).join(" ") || null };
  }
  if (ending.kind === "failed") {
    const failReason = ending.error.code === "stuck" ? "daemon" : ending.error.code;
    return { ...common, outcome: "failed", failReason, message: sentence(ending.error.message) };
  }
  if (exit === null) {
    return { ...common, outcome: "failed", failReason: "start_failed", message: "The job never started." };
  }
  return { ...common, ...exitVerdict(exit, input.memoryMb) };
}

/** What was stopped and would not go is said, whoever asked for the stop. */
function stuckMessage(ending: Ending): string | null {
  return ending.kind === "failed" && ending.error.code === "stuck" ? sentence(ending.error.message) : null;
}

type Word = Pick<JobResult, "outcome" | "failReason" | "message">;

function stopVerdict(reason: StopReason, { timeoutMs, logCapMb }: VerdictInput): Word {
  switch (reason) {
    case "cancelled":
      return { outcome: "cancelled", failReason: null, message: null };
    case "timed_out":
      return {
        outcome: "timed_out",
        failReason: "timeout",
        message: `The script ran longer than its timeout of ${timeoutMs} ms and was stopped.`,
      };
    case "shutdown":
      return { outcome: "failed", failReason: "runner_shutdown", message: "The runner was shut down." };
    case "lease_lost":
      return {
        outcome: "failed",
        failReason: "runner_lost",
        message: "The runner lost its connection for so long that it had to stop the job.",
      };
    case "log_quota":
      return {
        outcome: "failed",
        failReason: "log_quota",
        message: `The script printed more than the ${logCapMb} MiB that its event keeps, and was stopped (logOverflow: kill).`,
      };
    default:
      return reason satisfies never;
  }
}

function exitVerdict(exit: Exit, memoryMb: number): Word {
  if (exit.oomKilled && exit.code === SIGKILL_CODE) {
    return {
      outcome: "failed",
      failReason: "oom",
      message: `The script used more than its ${memoryMb} MB of memory and was killed.`,
    };
  }
  if (exit.code === 0) {
    return { outcome: "succeeded", failReason: null, message: null };
  }
  const signal = signalOf(exit.code);
  if (signal !== null) {
    return { outcome: "failed", failReason: "signal", message: `The script was ended by ${signal}.` };
  }
  return { outcome: "failed", failReason: "exit_code", message: `The script ended with exit code ${exit.code}.` };
}

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** Name of the signal that a code of 128 + n stands for; null for every other code. */
export function signalOf(code: number): string | null {
  return code > 128 ? (SIGNALS.get(code - 128) ?? null) : null;
}

function sentence(message: string): string {
  return message.length > 1_000 ? `${message.slice(0, 999)}…` : message;
}
