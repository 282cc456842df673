import { describe, test } from "vitest";
import type { LogFrame, LogHeader } from "./log-frame.ts";
import { LineSplitter } from "./log-lines.ts";

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
