import { describe, test } from "vitest";
import { a, exit3, log, ok, pullFailed, Story } from "../../test/engine/run-story.ts";
import { healthAfter, SOUND, type Health } from "./quarantine.ts";
import type { AttemptRecord } from "./run.ts";

/** Tells a runner named shed of the end of one attempt. */
function after(health: Health, before: AttemptRecord, attempt: AttemptRecord): Health {
  return { ...health, ...healthAfter({ ...health, name: "shed" }, before, attempt, 5_000) };
}

const accepted = (runId: string): AttemptRecord => ({ ...new Story().accepted().attempt, runId });

const failed = (runId: string, failReason = "start_failed"): AttemptRecord => ({
  ...accepted(runId),
  state: "failed",
  failReason,
  message: "No space left on device.",
});

const failAll = (health: Health, ...runs: readonly string[]): Health =>
  runs.reduce((sum, runId) => after(sum, accepted(runId), failed(runId)), health);

describe("quarantine", () => {
  test("begins with the fifth different run in a row that fails at its start", ({ expect }) => {
    const four = failAll(SOUND, "1", "2", "3", "4");
    expect(four).toMatchObject({ startFailures: ["1", "2", "3", "4"], quarantinedAt: null });
    expect(failAll(four, "5")).toEqual({
      startFailures: ["1", "2", "3", "4", "5"],
      quarantinedAt: 5_000,
      quarantineMessage: "shed failed to start 5 different runs in a row. Last: No space left on device.",
    });
  });

  test("F35 never begins because of one run, however often it fails", ({ expect }) => {
    expect(failAll(SOUND, "1", "1", "1", "1", "1", "1", "1")).toMatchObject({
      startFailures: ["1"],
      quarantinedAt: null,
    });
  });

  test("counts from nothing once a script has begun", ({ expect }) => {
    const four = failAll(SOUND, "1", "2", "3", "4");
    const begun = after(four, accepted("5"), { ...accepted("5"), state: "running", startedAt: 1 });
    expect(begun).toEqual(SOUND);
    expect(failAll(begun, "6").startFailures).toEqual(["6"]);
  });

  test.for(["start_failed", "daemon"])("counts %s", (reason, { expect }) => {
    expect(after(SOUND, accepted("1"), failed("1", reason)).startFailures).toEqual(["1"]);
  });

  test.for([
    "runner_lost",
    "runner_shutdown",
    "image_pull",
    "image_missing",
    "policy_denied",
    "secret_not_found",
    "exit_code",
  ])("does not count %s", (reason, { expect }) => {
    expect(after(SOUND, accepted("1"), failed("1", reason))).toEqual(SOUND);
  });

  test("does not count lost attempts, nor Docker's end while a script runs", ({ expect }) => {
    const lost = { ...accepted("1"), state: "lost" as const, failReason: "runner_lost" };
    expect(after(SOUND, accepted("1"), lost)).toEqual(SOUND);
    const ran = { ...failed("1", "daemon"), startedAt: 1 };
    expect(after(SOUND, { ...ran, state: "finishing" }, ran)).toEqual(SOUND);
  });

  test("is not lifted by what began before it, nor made newer by what fails after", ({ expect }) => {
    const held = failAll(SOUND, "1", "2", "3", "4", "5");
    expect(after(held, accepted("6"), { ...accepted("6"), state: "running", startedAt: 1 })).toEqual(held);
    expect(failAll(held, "7")).toEqual(held);
  });

  test("follows a run's own steps", ({ expect }) => {
    const told = (story: Story, health: Health): Health => {
      const before = story.accepted().attempt;
      story.do({ type: "exited", by: a, result: { ...pullFailed, failReason: "start_failed" } });
      const between = story.attempt;
      story.do({ type: "done", by: a, log });
      return after(after(health, before, between), between, story.attempt);
    };
    expect(told(new Story(), SOUND).startFailures).toEqual(["run_1"]);
    const fine = new Story().running();
    expect(healthAfter({ ...SOUND, name: "shed" }, null, fine.attempt, 1)).toBeNull();
    for (const result of [ok, exit3]) {
      const story = new Story().running().do({ type: "exited", by: a, result });
      const before = story.attempt;
      expect(after(SOUND, before, story.do({ type: "done", by: a, log }).attempt)).toEqual(SOUND);
    }
  });
});
