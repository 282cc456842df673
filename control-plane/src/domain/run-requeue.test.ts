import { describe, test } from "vitest";
import { a, aRestarted, b, exit3, ok, pullFailed, Story } from "../../test/engine/run-story.ts";
import { withRev } from "./run-machine.ts";
import { requeue } from "./run-requeue.ts";

/** Loses its runner as often as its budget allows, and once more. */
function deadLetter(change = {}): Story {
  const story = new Story(change);
  while (story.run.state === "queued") {
    story.running().do({ type: "deadline_passed" });
  }
  return story;
}

function requeued(story: Story): Story {
  story.now += 1;
  const before = { run: story.run, attempt: null };
  const run = requeue(story.run, story.now);
  if (run === null) {
    throw new Error(`${story.run.state} is no dead letter`);
  }
  story.run = withRev(before, { run, attempt: null, reply: { kind: "none" } }).run;
  return story;
}

describe("I5 a dead letter", () => {
  test("goes back as the same run, with the next number and fresh budgets", ({ expect }) => {
    const story = deadLetter();
    const dead = story.run;
    expect(dead).toMatchObject({ state: "failed", failReason: "retries_exhausted", attempt: 4, starts: 4 });
    expect(requeued(story).run).toMatchObject({
      id: dead.id,
      state: "queued",
      failReason: null,
      finishedAt: null,
      attempt: 4,
      offered: false,
      holds: false,
      infraFailures: 0,
      starts: 0,
      requeues: 1,
      rev: dead.rev + 1,
    });
    expect(story.finished(ok, b).run).toMatchObject({ state: "succeeded", attempt: 5, starts: 1 });
  });

  test("I10 starts no more often for each requeue than maxAttempts allows", ({ expect }) => {
    const story = deadLetter({ maxAttempts: 2 });
    expect(story.run).toMatchObject({ attempt: 2, starts: 2 });
    requeued(story);
    while (story.run.state === "queued") {
      story.running().do({ type: "deadline_passed" });
    }
    expect(story.run).toMatchObject({ state: "failed", attempt: 4, starts: 2, requeues: 1 });
  });

  test("does not expire by the wait that was allowed before its first start", ({ expect }) => {
    const story = new Story();
    story.run = { ...story.run, expiresAt: 5 };
    while (story.run.state === "queued") {
      story.accepted().do({ type: "exited", by: a, result: pullFailed });
      story.do({ type: "done", by: a, log: { logBytes: 0, logState: "none" } });
    }
    expect(story.run).toMatchObject({ failReason: "retries_exhausted", starts: 0 });
    expect(requeued(story).run.expiresAt).toBeNull();
  });

  test("I17 takes nothing any more from the attempts before, not even back from the dead", ({ expect }) => {
    const story = requeued(deadLetter());
    const before = story.run;
    story.do({ type: "hold", by: aRestarted, held: "running" });
    expect([story.reply, story.run]).toEqual([{ kind: "kill" }, before]);
    story.do({ type: "exited", by: a, result: ok });
    expect([story.reply?.kind, story.run]).toEqual(["stale", before]);
    story.do({ type: "started", by: a });
    expect(story.run).toEqual(before);
  });
});

test("a run that ended otherwise, or lives, is no dead letter", ({ expect }) => {
  const lost = { type: "deadline_passed" } as const;
  const others = [
    new Story(),
    new Story().running(),
    new Story().finished(ok),
    new Story().finished(exit3),
    new Story({ onLost: "fail" }).running().do(lost),
    new Story({ maxAttempts: 1 }).running().do(lost),
    new Story().do({ type: "cancel" }),
  ];
  expect(others.map(({ run }) => requeue(run, 9))).toEqual(others.map(() => null));
});
