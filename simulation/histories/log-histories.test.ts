/** The golden story of a log, told again to today's room. */
import { decodeLogFrame, encodeLogFrame, LogServerMessage } from "@cronium/protocol";
import { describe, test } from "vitest";
import { LogRoomHost } from "./log-room.ts";
import { meaningOfAnswers, readLogHistory, say, tellLogStory } from "./log-story.ts";

const history = readLogHistory();

describe("F12 an earlier release of the runner ships its log as before", () => {
  for (const asRequest of [false, true]) {
    test(`over ${asRequest ? "plain requests" : "a socket"}`, ({ expect }) => {
      const room = new LogRoomHost();
      for (const step of history.steps) {
        expect(meaningOfAnswers(say(room, step, asRequest)), step.about).toEqual(step.answers);
      }
      expect(room.kept().map((bytes) => Buffer.from(bytes).toString("base64"))).toEqual(history.kept);
    });
  }

  test("with the room leaving memory after every word", ({ expect }) => {
    const room = new LogRoomHost();
    for (const step of history.steps) {
      expect(meaningOfAnswers(say(room, step)), step.about).toEqual(step.answers);
      room.evict();
    }
    expect(room.kept()).toHaveLength(history.kept.length);
  });

  test("and with every word said twice: what is kept is kept once", ({ expect }) => {
    const room = new LogRoomHost();
    for (const step of history.steps) {
      say(room, step);
      say(room, step);
    }
    expect(room.kept().map((bytes) => Buffer.from(bytes).toString("base64"))).toEqual(history.kept);
  });
});

test("F12 today's frames are read as earlier ones, and written to the byte as they were", ({ expect }) => {
  const frames = history.steps.flatMap(({ does }) => (does.kind === "frame" ? [does] : []));
  expect(frames.length).toBeGreaterThan(8);
  for (const { header, base64 } of frames) {
    const bytes = new Uint8Array(Buffer.from(base64, "base64"));
    const decoded = decodeLogFrame(bytes);
    expect(decoded).toMatchObject({ ok: true, frame: { header } });
    expect(decoded.ok ? encodeLogFrame(decoded.frame) : null).toEqual(bytes);
  }
});

test("what an earlier room said is understood", ({ expect }) => {
  for (const answer of history.steps.flatMap(({ answers }) => answers)) {
    if (answer.type !== "close") {
      const said = answer.type === "error" ? { ...answer, message: "" } : answer;
      expect(LogServerMessage.safeParse(said)).toMatchObject({ success: true });
    }
  }
});

test("the story holds what can happen to a log, and telling it anew gives the same", ({ expect }) => {
  const codes = history.steps.flatMap(({ answers }) => answers.map((answer) => answer["code"] ?? answer.type));
  expect([...new Set(codes)].map(String).toSorted()).toEqual([
    "1008",
    "ack",
    "ended",
    "log_conflict",
    "log_gap",
    "resume",
    "stale_attempt",
  ]);
  expect(tellLogStory()).toEqual(history);
});
