/** Golden histories: conversations of an earlier release, told again to today's programs. */
import { PROTOCOL_VERSION } from "@cronium/protocol";
import { describe, test } from "vitest";
import { type Entry, type Frame, type History, readHistories, textOf } from "./history.ts";
import { meaningOf } from "./meaning.ts";
import { record } from "./record.ts";
import { placeOf, tellPlane } from "./replay-plane.ts";
import { tellRunners } from "./replay-runner.ts";
import { stories } from "./stories.ts";

const histories = readHistories();

/** Decided by chance, or by who measures; and the words, which are for people. */
const OF_CHANCE = ["durationMs", "exitCode", "message", "logBytes", "logState", "signature", "version", "protocol"];

function planOf({ story }: History) {
  const plan = stories[story];
  if (plan === undefined) {
    throw new Error(`There is no story ${story}: its plan belongs to its history for ever.`);
  }
  return plan;
}

function framesBy(who: Entry["who"], history: History): Map<string, Frame[]> {
  const frames = new Map<string, Frame[]>();
  for (const entry of history.entries) {
    if (entry.who === who && typeof entry.says !== "string") {
      frames.set(placeOf(entry), [...(frames.get(placeOf(entry)) ?? []), entry.says]);
    }
  }
  return frames;
}

test("each story has a history", ({ expect }) => {
  expect(histories.map(({ story }) => story).toSorted()).toEqual(Object.keys(stories).toSorted());
});

test("telling a story twice gives the same history", async ({ expect }) => {
  for (const story of ["success", "restart-kill"]) {
    const plan = stories[story];
    const [one, other] = plan === undefined ? [] : [await record(story, plan), await record(story, plan)];
    expect(textOf(one as History)).toBe(textOf(other as History));
  }
});

describe("F12 an earlier release of the runner is answered as before", () => {
  test.for(histories.map((history) => [history.story, history] as const))("%s", async ([, history], { expect }) => {
    const told = await tellPlane(history, planOf(history));
    for (const [place, frames] of framesBy("server", history)) {
      const said = told.frames.get(place) ?? [];
      // The challenge names today's version; what follows is in the one that both speak.
      expect(said[0]).toMatchObject({ type: "challenge", protocol: PROTOCOL_VERSION });
      expect(meaningOf(said.slice(1)), place).toMatchObject(meaningOf(frames.slice(1)));
      expect(Object.keys(meaningOf(said.slice(1)))).toEqual(Object.keys(meaningOf(frames.slice(1))));
    }
  });
});

describe("F12 an earlier release of the control plane is answered as before", () => {
  test.for(histories.map((history) => [history.story, history] as const))("%s", async ([, history], { expect }) => {
    const told = await tellRunners(history, planOf(history));
    for (const [place, frames] of framesBy("runner", history)) {
      expect(meaningOf(told.get(place) ?? [], OF_CHANCE), place).toMatchObject(meaningOf(frames, OF_CHANCE));
    }
  });
});

describe("F12 releases that are one version apart", () => {
  test.for(histories.map((history) => [history.story, history] as const))(
    "a control plane of the next version serves runners of this one: %s",
    async ([, history], { expect }) => {
      const { frames } = await tellPlane(history, planOf(history), { protocol: history.protocol + 1 });
      for (const [place, expected] of framesBy("server", history)) {
        const said = frames.get(place) ?? [];
        expect(said[0]).toMatchObject({ type: "challenge", protocol: history.protocol + 1 });
        expect(meaningOf(said.slice(1)), place).toMatchObject(meaningOf(expected.slice(1)));
      }
    },
  );

  test("a runner of the next version is served in this one", async ({ expect }) => {
    const history = historyOf("success");
    const change = (hello: Frame): Frame => ({ ...hello, protocol: PROTOCOL_VERSION + 1 });
    const { frames } = await tellPlane(history, planOf(history), { change });
    const said = frames.get("0/1") ?? [];
    expect(said.find(({ type }) => type === "welcome")).toMatchObject({ protocol: PROTOCOL_VERSION });
    expect(said.at(-1)).toMatchObject({ type: "ack", of: "done" });
  });

  test.for([
    ["a runner two versions behind", PROTOCOL_VERSION + 2, PROTOCOL_VERSION, "Upgrade the runner."],
    ["a control plane two versions behind", PROTOCOL_VERSION, PROTOCOL_VERSION + 2, "Upgrade the control plane."],
  ] as const)("%s is told who has to upgrade", async ([, plane, runner, advice], { expect }) => {
    const history = historyOf("success");
    const change = (hello: Frame): Frame => ({ ...hello, protocol: runner });
    const { frames, closes } = await tellPlane(history, planOf(history), { protocol: plane, change });
    expect(frames.get("0/1")?.at(-1)).toMatchObject({ type: "error", code: "upgrade_required" });
    expect(String(frames.get("0/1")?.at(-1)?.["message"])).toContain(advice);
    expect(closes.get("0/1")).toBe(4426);
  });
});

function historyOf(story: string): History {
  const found = histories.find((history) => history.story === story);
  if (found === undefined) {
    throw new Error(`There is no history of ${story}.`);
  }
  return found;
}
