import { describe, test } from "vitest";
import { a, aRestarted, b, exit3, log, ok, pullFailed, Story } from "../../test/engine/run-story.ts";

describe("the straight path", () => {
  test("offer, accept, start, exit and drained log lead to success", ({ expect }) => {
    const story = new Story().offer();
    expect(story.run).toMatchObject({ state: "queued", attempt: 1, offered: true });
    story.do({ type: "accept", by: a });
    expect([story.run.state, story.attempt.state, story.reply]).toEqual(["starting", "accepted", { kind: "granted" }]);
    story.do({ type: "started", by: a });
    expect([story.run.state, story.attempt.state, story.run.logState]).toEqual(["running", "running", "live"]);
    story.do({ type: "exited", by: a, result: ok });
    expect([story.run.state, story.attempt.state, story.last?.keepOutput]).toEqual(["running", "finishing", true]);
    story.do({ type: "done", by: a, log });
    expect(story.run).toMatchObject({ state: "succeeded", logState: "complete", logBytes: 10, exitCode: 0 });
    expect(story.attempt.state).toBe("succeeded");
  });

  test("F7 an accept that is repeated gets the same grant and changes nothing", ({ expect }) => {
    const story = new Story().accepted();
    const { rev } = story.run;
    story.do({ type: "accept", by: a });
    expect(story.reply).toEqual({ kind: "granted" });
    expect(story.run.rev).toBe(rev);
  });

  test("F5 exited and done are acknowledged as often as they come", ({ expect }) => {
    const story = new Story().finished(ok);
    const before = story.run;
    story.do({ type: "exited", by: a, result: ok });
    expect(story.reply).toEqual({ kind: "ack", of: "exited" });
    story.do({ type: "done", by: a, log });
    expect(story.reply).toEqual({ kind: "ack", of: "done" });
    expect(story.run).toBe(before);
  });

  test("B36 a second, different result is refused", ({ expect }) => {
    const story = new Story().running().do({ type: "exited", by: a, result: ok });
    story.do({ type: "exited", by: a, result: exit3 });
    expect(story.reply).toEqual({ kind: "stale", code: "already_final" });
    expect(story.attempt.outcome).toBe("succeeded");
  });

  test("done before exited is a fault of the runner and changes nothing", ({ expect }) => {
    const story = new Story().running();
    const before = story.run;
    story.do({ type: "done", by: a, log });
    expect(story.reply?.kind).toBe("invalid");
    expect(story.run).toBe(before);
  });

  test("a log that does not drain in time ends the run all the same, marked incomplete", ({ expect }) => {
    const story = new Story().running().do({ type: "exited", by: a, result: ok }).do({ type: "deadline_passed" });
    expect(story.run).toMatchObject({ state: "succeeded", logState: "incomplete" });
  });
});

describe("failures and retries", () => {
  test("a script that fails without retries fails the run with its exit code and a sentence", ({ expect }) => {
    const story = new Story().finished(exit3);
    expect(story.run).toMatchObject({
      state: "failed",
      failReason: "exit_code",
      exitCode: 3,
      message: "The script ended with exit code 3.",
    });
  });

  test("a script with a retry left goes back to the queue with a back-off", ({ expect }) => {
    const story = new Story({ scriptRetries: 1 }).finished(exit3);
    expect(story.run).toMatchObject({ state: "queued", queueReason: "retry_backoff", scriptFailures: 1 });
    expect(story.run.notBefore).toBe(story.now + 2_500);
    story.finished({ ...exit3, signal: "SIGSEGV", exitCode: null });
    expect(story.run).toMatchObject({ state: "failed", failReason: "signal", attempt: 2 });
    expect(story.run.message).toContain("SIGSEGV");
  });

  test("a timeout ends as timed_out with its reason", ({ expect }) => {
    const story = new Story().finished({ ...ok, outcome: "timed_out", exitCode: 137, output: null });
    expect(story.run).toMatchObject({ state: "timed_out", failReason: "timeout" });
    expect(story.attempt.state).toBe("timed_out");
  });

  test("failures of the surroundings get three retries, then retries_exhausted with the last error", ({ expect }) => {
    const story = new Story();
    for (let i = 0; i < 3; i += 1) {
      story.accepted().do({ type: "exited", by: a, result: pullFailed }).do({ type: "done", by: a, log });
      expect(story.run.queueReason).toBe("retry_backoff");
    }
    story.accepted().do({ type: "exited", by: a, result: pullFailed }).do({ type: "done", by: a, log });
    expect(story.run).toMatchObject({ state: "failed", failReason: "retries_exhausted", attempt: 4 });
    expect(story.run.message).toContain("No such image.");
  });

  test("a pull that fails before the start does not use up maxAttempts", ({ expect }) => {
    const story = new Story({ maxAttempts: 1 });
    story.accepted().do({ type: "exited", by: a, result: pullFailed }).do({ type: "done", by: a, log });
    expect(story.run.state).toBe("queued");
    story.finished(ok);
    expect(story.run.state).toBe("succeeded");
  });

  test("I10 maxAttempts 1 with onLost fail starts at most once", ({ expect }) => {
    const story = new Story({ maxAttempts: 1, onLost: "fail" }).running().do({ type: "deadline_passed" });
    expect(story.run).toMatchObject({ state: "failed", failReason: "runner_lost" });
  });

  test("I10 a start counts although the frame that told of it was lost", ({ expect }) => {
    const story = new Story({ maxAttempts: 1, onLost: "fail", scriptRetries: 3 }).accepted();
    story.do({ type: "exited", by: a, result: exit3 }).do({ type: "done", by: a, log });
    expect(story.run).toMatchObject({ state: "failed", failReason: "exit_code", starts: 1 });
    expect(story.attempt.startedAt).not.toBeNull();
  });

  test("a result nobody asked to cancel counts as the runner's own doing", ({ expect }) => {
    const story = new Story().finished({ ...ok, outcome: "cancelled", exitCode: null });
    expect(story.run).toMatchObject({ state: "queued", queueReason: "retry_backoff" });
    expect(story.attempt).toMatchObject({ state: "cancelled", failReason: "runner_shutdown" });
  });
});

describe("offers", () => {
  test("F6 an offer nobody answers burns its number and spends no budget", ({ expect }) => {
    const story = new Story().offer().do({ type: "deadline_passed" });
    expect(story.attempt.state).toBe("declined");
    expect(story.run).toMatchObject({ state: "queued", offered: false, infraFailures: 0, starts: 0 });
    story.offer(b);
    expect(story.run.attempt).toBe(2);
    story.do({ type: "accept", by: a }, 1);
    expect(story.reply).toEqual({ kind: "refused", code: "stale_attempt" });
  });

  test("a decline sends the run back to the queue", ({ expect }) => {
    const story = new Story().offer().do({ type: "decline", by: a, reason: "full", message: null });
    expect(story.run).toMatchObject({ state: "queued", offered: false, message: "rnr_a declined: full." });
  });

  test("only a refusal by local policy ends the run", ({ expect }) => {
    const story = new Story().offer().do({ type: "decline", by: a, reason: "policy_denied", message: "No mount x." });
    expect(story.run).toMatchObject({ state: "failed", failReason: "policy_denied", message: "No mount x." });
  });

  test("a decline that comes twice changes nothing the second time", ({ expect }) => {
    const decline = { type: "decline", by: a, reason: "full", message: null } as const;
    const story = new Story().offer().do(decline);
    const before = story.run;
    story.do(decline);
    expect(story.reply).toEqual({ kind: "stale", code: "stale_attempt" });
    expect(story.run).toBe(before);
  });

  test("a run that is not queued, or has an open offer, cannot be offered", ({ expect }) => {
    expect(() => new Story().offer().offer()).toThrow("cannot be offered");
    expect(() => new Story().accepted().offer()).toThrow("cannot be offered");
  });
});

describe("the fence", () => {
  test("T6 another runner may neither accept nor start nor complete the attempt", ({ expect }) => {
    const story = new Story().offer().do({ type: "accept", by: b });
    expect(story.reply).toEqual({ kind: "refused", code: "not_lease_holder" });
    story.do({ type: "accept", by: a });
    const before = story.run;
    for (const command of [
      { type: "started", by: b },
      { type: "exited", by: b, result: ok },
      { type: "done", by: b, log },
    ] as const) {
      story.do(command);
      expect(story.reply).toEqual({ kind: "stale", code: "not_lease_holder" });
    }
    expect(story.run).toBe(before);
  });

  test("I17 an older process of the same runner is stale", ({ expect }) => {
    const story = new Story().running().do({ type: "hold", by: aRestarted, held: "running" });
    story.do({ type: "exited", by: a, result: ok });
    expect(story.reply).toEqual({ kind: "stale", code: "stale_attempt" });
    expect(story.attempt.outcome).toBeNull();
  });

  test("F9 the result of attempt 1 after attempt 2 succeeded changes nothing", ({ expect }) => {
    const story = new Story().running().do({ type: "deadline_passed" }).finished(ok, b);
    expect(story.run.state).toBe("succeeded");
    const before = story.run;
    story.do({ type: "exited", by: a, result: exit3 }, 1);
    expect(story.reply).toEqual({ kind: "stale", code: "stale_attempt" });
    expect(story.run).toBe(before);
  });

  test("a message for an attempt that never was is stale", ({ expect }) => {
    for (const command of [
      { type: "started", by: a },
      { type: "exited", by: a, result: ok },
      { type: "done", by: a, log },
    ] as const) {
      expect(new Story().do(command, 7).reply).toEqual({ kind: "stale", code: "stale_attempt" });
    }
    expect(new Story().do({ type: "accept", by: a }, 7).reply).toEqual({ kind: "refused", code: "stale_attempt" });
    expect(new Story().do({ type: "hold", by: a, held: "running" }, 7).reply).toEqual({ kind: "kill" });
  });
});

describe("a lost runner", () => {
  test("F1 the lease ends and the run is queued again", ({ expect }) => {
    const story = new Story().running().do({ type: "deadline_passed" });
    expect(story.attempt).toMatchObject({ state: "lost", failReason: "runner_lost" });
    expect(story.run).toMatchObject({ state: "queued", queueReason: "retry_backoff", infraFailures: 1 });
    expect(story.attempt.message).toContain("5 min");
  });

  test("a runner that says itself that the job is gone need not be waited for", ({ expect }) => {
    const story = new Story().running().do({ type: "hold", by: aRestarted, held: "lost" });
    expect(story.reply).toEqual({ kind: "kill" });
    expect(story.attempt.state).toBe("lost");
    expect(story.run.state).toBe("queued");
    const silent = new Story().accepted().do({ type: "not_held" });
    expect(silent.attempt.state).toBe("lost");
  });

  test("a restarted runner that still has the container goes on under a new lease", ({ expect }) => {
    const story = new Story().running().do({ type: "hold", by: aRestarted, held: "running" });
    expect(story.reply).toEqual({ kind: "adopt" });
    expect(story.attempt).toMatchObject({ state: "running", epoch: "2", deadlineAt: story.now + 300_000 });
    story.do({ type: "exited", by: aRestarted, result: ok }).do({ type: "done", by: aRestarted, log });
    expect(story.run.state).toBe("succeeded");
  });

  test("what a runner holds as running counts as started, because started is not repeated", ({ expect }) => {
    const story = new Story().accepted().do({ type: "hold", by: a, held: "running" });
    expect([story.run.state, story.attempt.state]).toEqual(["running", "running"]);
  });

  test("an attempt that was given up is adopted back while no next one exists", ({ expect }) => {
    const story = new Story().running().do({ type: "deadline_passed" }).do({ type: "hold", by: a, held: "running" });
    expect(story.reply).toEqual({ kind: "adopt" });
    expect([story.run.state, story.attempt.state, story.run.infraFailures]).toEqual(["running", "running", 0]);
    const unstarted = new Story().accepted().do({ type: "deadline_passed" }).do({ type: "started", by: a });
    expect([unstarted.run.state, unstarted.attempt.state]).toEqual(["running", "running"]);
  });

  test("a late result counts, marked late, while no next attempt exists", ({ expect }) => {
    const story = new Story().running().do({ type: "deadline_passed" }).do({ type: "exited", by: a, result: ok });
    expect(story.reply).toEqual({ kind: "ack", of: "exited" });
    expect(story.attempt).toMatchObject({ state: "finishing", late: true });
    story.do({ type: "done", by: a, log });
    expect(story.run.state).toBe("succeeded");
  });

  test("once the next attempt exists the old one is killed", ({ expect }) => {
    const story = new Story().running().do({ type: "deadline_passed" }).offer(b);
    story.do({ type: "hold", by: a, held: "running" }, 1);
    expect(story.reply).toEqual({ kind: "kill" });
    story.do({ type: "started", by: a }, 1);
    expect(story.reply).toEqual({ kind: "stale", code: "stale_attempt" });
  });

  test("an accepted result survives the loss of its runner", ({ expect }) => {
    const exitedStory = (): Story => new Story().running().do({ type: "exited", by: a, result: ok });
    expect(exitedStory().do({ type: "not_held" }).run).toMatchObject({ state: "succeeded", logState: "incomplete" });
    const held = exitedStory().do({ type: "hold", by: aRestarted, held: "exited" });
    expect(held.reply).toEqual({ kind: "adopt" });
    expect(held.do({ type: "done", by: aRestarted, log }).run.state).toBe("succeeded");
  });

  test("onLost wait waits for the runner to return", ({ expect }) => {
    const waiting = (): Story => new Story({ onLost: "wait" }).running().do({ type: "deadline_passed" });
    expect(waiting().run.state).toBe("waiting");
    expect(waiting().run.message).toContain("waits for it");
    const back = waiting().do({ type: "hold", by: aRestarted, held: "running" });
    expect(back.run.state).toBe("running");
    const without = waiting().do({ type: "not_held" });
    expect(without.run).toMatchObject({ state: "failed", failReason: "runner_lost" });
    const cancelled = waiting().do({ type: "cancel" });
    expect(cancelled.run).toMatchObject({ state: "cancelled", cancelReason: "user" });
    expect(cancelled.run.message).toContain("unconfirmed");
  });

  test("an open offer is kept for the same process and burned for a new one", ({ expect }) => {
    expect(new Story().offer().do({ type: "hold", by: a, held: "accepted" }).reply).toEqual({ kind: "adopt" });
    const restarted = new Story().offer().do({ type: "hold", by: aRestarted, held: "accepted" });
    expect([restarted.reply?.kind, restarted.attempt.state]).toEqual(["kill", "declined"]);
    expect(new Story().offer().do({ type: "not_held" }).attempt.state).toBe("declined");
  });

  test("another runner's claim to an attempt is killed", ({ expect }) => {
    expect(new Story().running().do({ type: "hold", by: b, held: "running" }).reply).toEqual({ kind: "kill" });
  });
});

describe("F26 cancelling", () => {
  test("a queued run is cancelled at once", ({ expect }) => {
    const story = new Story().do({ type: "cancel" });
    expect(story.run).toMatchObject({
      state: "cancelled",
      cancelReason: "user",
      message: "Cancelled before it started.",
    });
  });

  test("I11 an offer that is cancelled before its accept never starts", ({ expect }) => {
    const story = new Story().offer().do({ type: "cancel" });
    expect([story.run.state, story.attempt.state]).toEqual(["cancelled", "cancelled"]);
    story.do({ type: "accept", by: a });
    expect(story.reply).toEqual({ kind: "refused", code: "already_final" });
  });

  test("a retry that waits is cancelled at once", ({ expect }) => {
    const story = new Story({ scriptRetries: 1 }).finished(exit3).do({ type: "cancel" });
    expect(story.run).toMatchObject({ state: "cancelled", message: "Cancelled before its next attempt." });
  });

  test("a running job is told to stop and the run ends when it has", ({ expect }) => {
    for (const story of [new Story().accepted(), new Story().running()]) {
      story.do({ type: "cancel" });
      expect(story.run).toMatchObject({ state: "cancelling", message: "Waiting for rnr_a to stop the job." });
      expect(story.last?.cancelJob).toEqual({ reason: "user" });
      story.do({ type: "cancel" });
      expect(story.last?.cancelJob).toBeUndefined();
      story.do({ type: "exited", by: a, result: { ...ok, outcome: "cancelled", exitCode: 143, output: null } });
      story.do({ type: "done", by: a, log });
      expect(story.run).toMatchObject({ state: "cancelled", cancelReason: "user" });
    }
  });

  test("a success that was first stays a success", ({ expect }) => {
    const story = new Story().running().do({ type: "exited", by: a, result: ok }).do({ type: "cancel" });
    expect(story.last?.cancelJob).toBeUndefined();
    story.do({ type: "done", by: a, log });
    expect(story.run).toMatchObject({ state: "succeeded", cancelReason: null });
    const raced = new Story().running().do({ type: "cancel" }).do({ type: "exited", by: a, result: ok });
    expect(raced.do({ type: "done", by: a, log }).run.state).toBe("succeeded");
  });

  test("a failure after a cancel is not retried", ({ expect }) => {
    const story = new Story({ scriptRetries: 3 }).running().do({ type: "cancel" });
    story.do({ type: "exited", by: a, result: exit3 }).do({ type: "done", by: a, log });
    expect(story.run.state).toBe("failed");
  });

  test("F27 a runner that is lost while it should stop leaves the cancel unconfirmed", ({ expect }) => {
    const story = new Story().running().do({ type: "cancel" }).do({ type: "deadline_passed" });
    expect(story.run.state).toBe("cancelled");
    expect(story.run.message).toMatch(/^Unconfirmed/);
    const confirmed = new Story().running().do({ type: "cancel" }).do({ type: "hold", by: aRestarted, held: "lost" });
    expect(confirmed.run.state).toBe("cancelled");
    expect(confirmed.run.message).not.toMatch(/unconfirmed/i);
  });

  test("a runner that reconnects while it should stop is told again", ({ expect }) => {
    const story = new Story().running().do({ type: "cancel" }).do({ type: "hold", by: a, held: "running" });
    expect(story.last?.cancelJob).toEqual({ reason: "user" });
  });

  test("an ended run is not changed", ({ expect }) => {
    const story = new Story().finished(ok);
    const before = story.run;
    expect(story.do({ type: "cancel" }).run).toBe(before);
  });
});
