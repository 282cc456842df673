import { describe, test } from "vitest";
import { JobResult } from "@cronium/protocol";
import { ExecutorError } from "../executors/types.ts";
import { type Ending, signalOf, type StopReason, verdict } from "./verdict.ts";

const exit = (code: number, oomKilled = false): Ending => ({ kind: "exited", exit: { code, oomKilled } });
const failed = (code: ExecutorError["code"]): Ending => ({ kind: "failed", error: new ExecutorError(code, "why") });

function judge(ending: Ending, stoppedFor: StopReason | null = null): JobResult {
  return verdict({ ending, stoppedFor, output: 1, durationMs: 5, timeoutMs: 1_000, memoryMb: 64, logCapMb: 256 });
}

describe("F23 the verdict", () => {
  test.for([
    ["exit code 0", exit(0), null, "succeeded", null, 0, null],
    ["exit code 3", exit(3), null, "failed", "exit_code", 3, null],
    ["exit code 255", exit(255), null, "failed", "exit_code", 255, null],
    ["137 by the kernel", exit(137, true), null, "failed", "oom", 137, "SIGKILL"],
    ["137 by the user", exit(137), null, "failed", "signal", 137, "SIGKILL"],
    ["a child killed for memory, survived", exit(0, true), null, "succeeded", null, 0, null],
    ["a child killed for memory, other code", exit(1, true), null, "failed", "exit_code", 1, null],
    ["143 by the user", exit(143), null, "failed", "signal", 143, "SIGTERM"],
    ["143 on cancel", exit(143), "cancelled", "cancelled", null, 143, "SIGTERM"],
    ["0 on cancel", exit(0), "cancelled", "cancelled", null, 0, null],
    ["0 on timeout", exit(0), "timed_out", "timed_out", "timeout", 0, null],
    ["out of memory on timeout", exit(137, true), "timed_out", "timed_out", "timeout", 137, "SIGKILL"],
    ["shutdown", exit(143), "shutdown", "failed", "runner_shutdown", 143, "SIGTERM"],
    ["lease lost", exit(137), "lease_lost", "failed", "runner_lost", 137, "SIGKILL"],
    ["too much output", exit(143), "log_quota", "failed", "log_quota", 143, "SIGTERM"],
    ["image missing", failed("image_missing"), null, "failed", "image_missing", null, null],
    ["daemon gone", failed("daemon"), null, "failed", "daemon", null, null],
    ["stuck in the kernel", failed("stuck"), null, "failed", "daemon", null, null],
    ["cancelled while the daemon was gone", failed("daemon"), "cancelled", "cancelled", null, null, null],
    ["cancelled before its start", { kind: "never_started" }, "cancelled", "cancelled", null, null, null],
  ] as const)("of %s", ([, ending, stop, outcome, failReason, exitCode, signal], { expect }) => {
    const result = judge(ending, stop);

    expect(result).toMatchObject({ outcome, failReason, exitCode, signal });
    expect(JobResult.safeParse(result).success).toBe(true);
  });

  test("F24 says so when what was cancelled or timed out would not go", ({ expect }) => {
    expect(judge(failed("stuck"), "cancelled")).toMatchObject({ outcome: "cancelled", message: "why" });
    const late = judge(failed("stuck"), "timed_out");
    expect(late).toMatchObject({
      outcome: "timed_out",
      message: expect.stringMatching(/1000 ms and was stopped. why$/),
    });
    expect(judge(failed("daemon"), "cancelled").message).toBeNull();
  });

  test("cuts a long message to what the protocol takes", ({ expect }) => {
    const error = new ExecutorError("start_failed", "x".repeat(5_000));

    expect(judge({ kind: "failed", error }).message).toHaveLength(1_000);
  });

  test("names signals by the code a shell would show", ({ expect }) => {
    expect([0, 1, 128, 130, 137, 139, 255].map(signalOf)).toEqual([
      null,
      null,
      null,
      "SIGINT",
      "SIGKILL",
      "SIGSEGV",
      null,
    ]);
  });
});
