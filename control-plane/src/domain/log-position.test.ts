import { describe, test } from "vitest";
import { judgeFrame, logStateOf, type LogPosition } from "./log-position.ts";
import { LineSplitter } from "./log-lines.ts";
import type { LogFrame, LogHeader } from "@cronium/protocol";

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

describe("lines", () => {
  const make = (bytes: string | Uint8Array, change: Partial<LogHeader> = {}): LogFrame => ({
    header: { attempt: 1, seq: 0, offset: 0, stream: "stdout", at: 0, sha256: "", ...change },
    payload: typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes,
  });
  const lines = (...frames: LogFrame[]): string[] => {
    const splitter = new LineSplitter();
    return [...frames.flatMap((one) => [...splitter.push(one)]), ...splitter.end()].map(
      ({ line }) => `${line.seq} ${line.attempt} ${line.stream} ${line.text}`,
    );
  };

  test("are carried over frames, each stream its own", ({ expect }) => {
    expect(lines(make("ab"), make("X\n", { stream: "stderr" }), make("c\r\nd"))).toEqual([
      "1 1 stderr X",
      "2 1 stdout abc",
      "3 1 stdout d",
    ]);
  });

  test("a character cut in two is whole again, and bad bytes are shown as such", ({ expect }) => {
    const euro = new TextEncoder().encode("€\n");
    expect(lines(make(euro.subarray(0, 1)), make(euro.subarray(1)))).toEqual(["1 1 stdout €"]);
    expect(lines(make(new Uint8Array([0x61, 0xff, 0x0a])))).toEqual(["1 1 stdout a\ufffd"]);
  });

  test("a new attempt ends the line of the one before", ({ expect }) => {
    expect(lines(make("half"), make("new\n", { attempt: 2 }))).toEqual(["1 1 stdout half", "2 2 stdout new"]);
  });

  test("a gap is a line of its own, and an endless line is cut", ({ expect }) => {
    expect(lines(make("", { gap: { bytes: 5, reason: "spool_full" } }))).toEqual([
      "1 1 system [5 bytes are missing here: spool_full]",
    ]);
    const cut = lines(make("x".repeat(1_048_576 + 3)), make("\n"));
    expect(cut.map((line) => line.length)).toEqual([1_048_576 + 11, 3 + 11]);
  });
});
