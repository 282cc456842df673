import { attemptStates, attemptTransitions, runStates, runTransitions } from "@cronium/protocol/run-states";
import { test } from "vitest";
import type { AttemptRecord, RunRecord } from "./run.ts";
import { justEnded, moveAttempt, moveRun } from "./transition.ts";

const run = (state: string): RunRecord => ({ id: "run_1", state, message: "old", queueReason: "delayed" }) as RunRecord;
const attempt = (state: string): AttemptRecord => ({ runId: "run_1", attempt: 1, state }) as AttemptRecord;

test("every transition of the tables is possible, and no other", ({ expect }) => {
  for (const from of runStates) {
    for (const to of runStates) {
      const move = (): RunRecord => moveRun(run(from), to, {});
      if ((runTransitions[from] as readonly string[]).includes(to)) {
        expect(move()).toMatchObject({ state: to, message: null, queueReason: null });
      } else {
        expect(move, `${from} to ${to}`).toThrow("cannot go from");
      }
    }
  }
  for (const from of attemptStates) {
    for (const to of attemptStates) {
      const move = (): AttemptRecord => moveAttempt(attempt(from), to, {});
      if ((attemptTransitions[from] as readonly string[]).includes(to)) {
        expect(move().state).toBe(to);
      } else {
        expect(move, `${from} to ${to}`).toThrow("cannot go from");
      }
    }
  }
});

test("a run has just ended when it was live before", ({ expect }) => {
  expect(justEnded(run("running"), run("failed"))).toBe(true);
  expect(justEnded(run("failed"), run("failed"))).toBe(false);
  expect(justEnded(run("queued"), run("starting"))).toBe(false);
});
