/** A person, or a program, no longer wants a run. */
import type { RunState } from "@cronium/protocol";
import { isTerminal } from "@cronium/protocol/run-states";
import type { Outcome } from "../../domain/dispatcher.ts";
import { justEnded } from "../../domain/transition.ts";
import { readState } from "./run-rows.ts";
import { act } from "./runs.ts";
import type { Shell, Turn } from "./shell.ts";

export function cancelRun(
  shell: Shell,
  turn: Turn,
  runId: string,
): Outcome<{ readonly runId: string; readonly state: RunState }> {
  const before = readState(shell, runId);
  if (before === null) {
    return { ok: false, code: "not_found", message: `There is no live run ${runId}.` };
  }
  const { run } = act(shell, turn, before, { type: "cancel" });
  if (isTerminal(run.state) && !justEnded(before.run, run) && run.state !== "cancelled") {
    return { ok: false, code: "already_final", message: `The run has ended already: ${run.state}.` };
  }
  return { ok: true, value: { runId, state: run.state } };
}
