import { describe, test } from "vitest";
import type { Run } from "./run.ts";
import { Runs } from "./runs.ts";

const attempt = (n: number): { readonly run: Run; readonly end: () => Promise<void> } => {
  const finished = Promise.withResolvers<void>();
  const run = { ref: { runId: "run_1", attempt: n }, finished: finished.promise, occupiesSlot: true };
  return {
    run: run as unknown as Run,
    end: async () => {
      finished.resolve();
      await finished.promise;
    },
  };
};

describe("F5 an attempt that has ended", () => {
  test("is remembered, so that a late repetition of its offer starts nothing", async ({ expect }) => {
    const runs = new Runs();
    const { run, end } = attempt(1);
    runs.add(run);
    expect([runs.isOver(run.ref), runs.size]).toEqual([false, 1]);
    await end();
    expect([runs.isOver(run.ref), runs.size]).toEqual([true, 0]);
    expect(runs.isOver({ runId: "run_1", attempt: 2 })).toBe(false);
  });
});
