import { describe, test } from "vitest";
import * as tables from "./run-states.ts";
import { notReadyReasons, runnerStates } from "./runner-states.ts";

const { attemptStates, attemptTransitions, runStates, runTransitions, terminalRunStates } = tables;

describe("states of runs", () => {
  test("a state is terminal exactly when nothing but a requeue leads out of it", ({ expect }) => {
    for (const state of runStates) {
      const next = runTransitions[state].filter((to) => !(state === "failed" && to === "queued"));
      expect(tables.isTerminal(state), state).toBe(next.length === 0);
    }
    expect(terminalRunStates.every((state) => tables.isTerminal(state))).toBe(true);
  });

  test("every state can be reached from queued", ({ expect }) => {
    const reached = new Set<tables.RunState>(["queued"]);
    for (const state of reached) {
      for (const next of runTransitions[state]) {
        reached.add(next);
      }
    }
    expect([...reached].toSorted()).toEqual(runStates.toSorted());
  });

  test("every state that is not terminal can end", ({ expect }) => {
    for (const start of runStates) {
      const reached = new Set<tables.RunState>([start]);
      for (const state of reached) {
        for (const next of runTransitions[state]) {
          reached.add(next);
        }
      }
      expect(
        [...reached].some((state) => tables.isTerminal(state)),
        start,
      ).toBe(true);
    }
  });

  test("no state leads to itself", ({ expect }) => {
    expect(runStates.filter((state) => (runTransitions[state] as readonly string[]).includes(state))).toEqual([]);
    expect(attemptStates.filter((state) => (attemptTransitions[state] as readonly string[]).includes(state))).toEqual(
      [],
    );
  });
});

describe("states of attempts", () => {
  test("every state can be reached from offered", ({ expect }) => {
    const reached = new Set<tables.AttemptState>(["offered"]);
    for (const state of reached) {
      for (const next of attemptTransitions[state]) {
        reached.add(next);
      }
    }
    expect([...reached].toSorted()).toEqual(attemptStates.toSorted());
  });

  test("a live attempt is one whose runner still has something to say", ({ expect }) => {
    const live = attemptStates.filter((state) => tables.isLiveAttempt(state));
    expect(live).toEqual(["offered", "accepted", "running", "finishing"]);
    for (const state of live) {
      expect(attemptTransitions[state].length, state).toBeGreaterThan(0);
    }
  });

  test("every end of an attempt but a declined offer is an end of a run or asks for a next attempt", ({ expect }) => {
    const ends = attemptStates.filter((state) => attemptTransitions[state].length === 0);
    const ownEnds = ends.filter((state) => state !== "declined");
    expect(ownEnds.filter((state) => !(runStates as readonly string[]).includes(state))).toEqual([]);
  });
});

describe("reasons", () => {
  test("each is explained in one whole sentence", ({ expect }) => {
    const all = [
      tables.queueReasons,
      tables.failReasons,
      tables.skipReasons,
      tables.cancelReasons,
      tables.expireReasons,
      tables.logStates,
      runnerStates,
      notReadyReasons,
    ];
    for (const [reason, sentence] of all.flatMap((table) => Object.entries(table))) {
      expect(reason).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(sentence, reason).toMatch(/^[A-Z].*\.$/);
    }
  });

  test("failures of the surroundings are reasons that exist, and the script's own are none of them", ({ expect }) => {
    for (const reason of tables.infraFailReasons) {
      expect(tables.isInfraFailure(reason)).toBe(true);
      expect(tables.failReasons).toHaveProperty(reason);
    }
    for (const own of ["exit_code", "signal", "oom", "timeout", "output_too_large"] as const) {
      expect(tables.isInfraFailure(own), own).toBe(false);
    }
  });
});
