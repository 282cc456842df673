import { describe, test } from "vitest";
import { judgeFrame, logStateOf, type LogPosition } from "./log-position.ts";

const position: LogPosition = { attempt: 1, nextSeq: 3, nextOffset: 30, ended: false, gaps: 0, truncated: false };
const frame = { seq: 3, offset: 30, stream: "stdout", sha256: "aa" };

describe("a frame that arrives", () => {
  test("B35 is appended, known, in conflict, or too early", ({ expect }) => {
    const stored = { seq: 2, offset: 20, stream: "stdout", sha256: "bb" };
    expect(judgeFrame(position, frame, null).kind).toBe("append");
    expect(judgeFrame(position, stored, stored).kind).toBe("duplicate");
    expect(judgeFrame(position, stored, null).kind).toBe("duplicate");
    expect(judgeFrame(position, { ...stored, sha256: "cc" }, stored)).toMatchObject({ code: "log_conflict" });
    expect(judgeFrame(position, { ...frame, seq: 4 }, null)).toMatchObject({ code: "log_gap" });
    expect(judgeFrame(position, { ...frame, offset: 31 }, null)).toMatchObject({ code: "log_gap" });
    expect(judgeFrame(position, { ...frame, offset: 29 }, null)).toMatchObject({ code: "log_conflict" });
    expect(judgeFrame({ ...position, ended: true }, frame, null)).toMatchObject({ code: "log_conflict" });
  });

  test("the state of a log follows from its position", ({ expect }) => {
    expect(logStateOf(position)).toBe("live");
    expect(logStateOf({ ...position, ended: true })).toBe("complete");
    expect(logStateOf({ ...position, ended: true, gaps: 1 })).toBe("incomplete");
    expect(logStateOf({ ...position, truncated: true })).toBe("truncated");
  });
});
