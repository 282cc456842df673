/** `cronium-runner run FILE`: a script on this machine's own executor, once and without a control plane. */
import { exitCodes } from "../base/exit-error.ts";
import { RunFlags, readLocalJob } from "../local/local-job.ts";
import { type LocalOutcome, type LocalRunOptions, runLocally } from "../local/run-file.ts";
import { ExitError } from "../base/exit-error.ts";

/** Beside the script's own codes: as `timeout`, `docker run` and a shell have them. */
const TIMED_OUT = 124;
const NOT_STARTED = 125;
const STOPPED = 130;

export async function runCommand(
  file: string,
  given: Record<string, unknown>,
  options: Omit<LocalRunOptions, "streams" | "artifacts" | "onSignal">,
): Promise<number> {
  const parsed = RunFlags.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const flag = String(issue?.path[0] ?? "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new ExitError("usage", `--${flag} ${issue?.message ?? "is not valid"}.`, "See cronium-runner run --help.");
  }
  const flags = parsed.data;
  const notice = (text: string): void => void process.stderr.write(`cronium: ${text}\n`);
  const outcome = await runLocally(
    {
      ...options,
      artifacts: flags.artifacts ?? null,
      // With --json standard output is for the one value.
      streams: { stdout: flags.json ? process.stderr : process.stdout, stderr: process.stderr, notice },
      onSignal: (tell) => {
        process.on("SIGINT", tell);
        process.on("SIGTERM", tell);
        return () => {
          process.off("SIGINT", tell);
          process.off("SIGTERM", tell);
        };
      },
    },
    readLocalJob(file, flags, options.clock.now()),
  );
  const code = exitCodeOf(outcome);
  const { runId, result, variables, condition, name } = outcome;
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ runId, ...result, name, condition, variables })}\n`);
    return code;
  }
  if (result.output !== null) {
    notice(`output: ${JSON.stringify(result.output)}`);
  }
  if (result.message !== null) {
    notice(result.message);
  }
  notice(
    `${result.outcome} with exit code ${code}${result.durationMs === null ? "" : ` after ${result.durationMs} ms`}`,
  );
  return code;
}

function exitCodeOf({ result }: LocalOutcome): number {
  switch (result.outcome) {
    case "succeeded":
      return exitCodes.ok;
    case "timed_out":
      return TIMED_OUT;
    case "cancelled":
      return STOPPED;
    case "failed":
      return result.exitCode === null || result.exitCode === 0 ? NOT_STARTED : result.exitCode;
    default:
      return result.outcome satisfies never;
  }
}
