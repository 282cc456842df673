/** What a job says of itself, kept with its run. */
import type { CallOp } from "@cronium/protocol";
import type { CallAnswer } from "../../../domain/calls.ts";
import { noted } from "../../../domain/run-notes.ts";
import type { RunState } from "../../../domain/run-step.ts";
import { saveStep } from "../runs.ts";
import type { Shell, Turn } from "../shell.ts";

export function takeNote(
  shell: Shell,
  turn: Turn,
  state: RunState,
  { name, condition, progress }: Extract<CallOp, { do: "note" }>,
): CallAnswer {
  const { run } = state;
  const notes = noted(run.notes, run.attempt, {
    ...(name === undefined ? {} : { name }),
    ...(condition === undefined ? {} : { condition }),
    ...(progress === undefined ? {} : { progress: { ...progress, at: turn.now } }),
  });
  saveStep(shell, turn, state, { ...state, run: { ...run, notes, rev: run.rev + 1 }, reply: { kind: "none" } });
  return { result: null };
}
