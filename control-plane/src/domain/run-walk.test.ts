import { attemptTransitions, isTerminal, runTransitions } from "@cronium/protocol/run-states";
import { describe, test } from "vitest";
import { a, aRestarted, b, exit3, log, ok, pullFailed, Story } from "../../test/engine/run-story.ts";
import type { Command } from "./run-machine.ts";

describe("any order of commands", () => {
  test("follows the tables of the protocol, and never leaves a terminal state", ({ expect }) => {
    let random = 42;
    const dice = (sides: number): number => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((random / 2 ** 32) * sides);
    };
    const pick = <T>(...options: readonly T[]): T => options[dice(options.length)] as T;
    const seenRun = new Set<string>();
    const seenAttempt = new Set<string>();
    for (let round = 0; round < 4_000; round += 1) {
      const story = new Story({
        scriptRetries: dice(3),
        maxAttempts: 1 + dice(4),
        onLost: pick("retry", "fail", "wait"),
      });
      for (let step = 0; step < 14; step += 1) {
        const before = story.run;
        const attemptsBefore = new Map(story.attempts);
        if (before.state === "queued" && !before.offered && dice(3) > 0) {
          story.offer(pick(a, aRestarted, b));
        } else {
          const by = pick(a, a, aRestarted, b);
          const result = pick(
            ok,
            ok,
            exit3,
            pullFailed,
            { ...ok, outcome: "timed_out" as const },
            {
              ...ok,
              outcome: "cancelled" as const,
            },
          );
          const command = pick<Command>(
            { type: "accept", by },
            { type: "accept", by },
            { type: "started", by },
            { type: "exited", by, result },
            { type: "done", by, log },
            { type: "done", by, log },
            { type: "decline", by, reason: pick("full", "draining", "not_ready", "policy_denied"), message: null },
            { type: "cancel" },
            { type: "deadline_passed" },
            { type: "not_held" },
            { type: "revoked" },
            { type: "hold", by, held: pick("accepted", "running", "exited", "lost") },
          );
          // A person cancels the run, so the newest attempt; everything else may speak of an older one.
          story.do(command, command.type === "cancel" ? before.attempt : Math.max(1, before.attempt - dice(2)));
        }
        const after = story.run;
        if (after.state !== before.state) {
          seenRun.add(`${before.state}>${after.state}`);
        }
        if (isTerminal(before.state)) {
          expect(after.state).toBe(before.state);
        }
        expect(after.rev).toBeGreaterThanOrEqual(before.rev);
        expect(after === before || after.rev === before.rev + 1).toBe(true);
        expect(after.attempt).toBeGreaterThanOrEqual(before.attempt);
        if (isTerminal(after.state)) {
          const why = after.failReason ?? after.cancelReason;
          expect(after.state === "succeeded" || (why !== null && after.message !== null), after.state).toBe(true);
          expect(after.finishedAt).not.toBeNull();
        }
        for (const [n, attempt] of story.attempts) {
          const old = attemptsBefore.get(n);
          if (old !== undefined && old.state !== attempt.state) {
            seenAttempt.add(`${old.state}>${attempt.state}`);
            expect(old.outcome === null || old.outcome === attempt.outcome).toBe(true);
          }
        }
        const live = [...story.attempts.values()].filter((one) =>
          ["accepted", "running", "finishing"].includes(one.state),
        );
        expect(live.length).toBeLessThanOrEqual(1);
      }
    }
    // Two steps in one decision, such as lost to running by way of starting, are checked by moveRun itself.
    const direct = (table: Readonly<Record<string, readonly string[]>>, step: string): boolean => {
      const [from = "", to = ""] = step.split(">");
      const next = table[from] ?? [];
      return next.includes(to) || next.some((middle) => (table[middle] ?? []).includes(to));
    };
    expect([...seenRun].filter((step) => !direct(runTransitions, step))).toEqual([]);
    expect([...seenAttempt].filter((step) => !direct(attemptTransitions, step))).toEqual([]);
    expect([...seenRun]).toEqual(
      expect.arrayContaining(["queued>starting", "running>waiting", "waiting>running", "cancelling>cancelled"]),
    );
  });
});
