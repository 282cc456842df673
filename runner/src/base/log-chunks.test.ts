import { createHash } from "node:crypto";
import { describe, test } from "vitest";
import type { LogFrame } from "@cronium/protocol";
import { ManualClock } from "../../test/manual-clock.ts";
import { GATHER_MS, LogChunker, type LogPiece, type StreamTotals } from "./log-chunks.ts";

function setUp() {
  const clock = new ManualClock();
  const frames: LogFrame[] = [];
  const taken: StreamTotals[] = [];
  const chunker = new LogChunker({
    attempt: 1,
    clock,
    emit: (frame, upTo) => {
      frames.push(frame);
      taken.push(upTo);
    },
  });
  const texts = (): string[] => frames.map(({ payload }) => Buffer.from(payload).toString());
  return { clock, frames, taken, chunker, texts };
}

const literal = (value: Uint8Array): LogPiece => ({ bytes: value, rawBytes: value.length, replaces: false });
const bytes = (text: string): LogPiece => literal(Buffer.from(text));

describe("a log chunker", () => {
  test("sends the first bytes at once", ({ expect }) => {
    const { chunker, texts } = setUp();

    chunker.push("stdout", bytes("a"));

    expect(texts()).toEqual(["a"]);
  });

  test("gathers while a frame is on its way, until it is acknowledged", ({ expect }) => {
    const { chunker, texts } = setUp();

    for (const text of ["a", "b", "c"]) {
      chunker.push("stdout", bytes(text));
    }
    expect(texts()).toEqual(["a"]);
    chunker.acknowledged();

    expect(texts()).toEqual(["a", "bc"]);
  });

  test("gathers for 50 ms at most", ({ expect }) => {
    const { chunker, clock, texts } = setUp();

    for (const text of ["a", "b"]) {
      chunker.push("stdout", bytes(text));
    }
    clock.advance(GATHER_MS - 1);
    expect(texts()).toEqual(["a"]);
    clock.advance(1);

    expect(texts()).toEqual(["a", "b"]);
  });

  test("cuts at 64 KiB, wherever that is, and loses no byte", ({ expect }) => {
    const { chunker, frames } = setUp();
    const flood = Buffer.from(Array.from({ length: 200_000 }, (_value, index) => index % 251));

    chunker.push("stdout", bytes("x"));
    chunker.push("stdout", literal(flood.subarray(0, 70_001)));
    chunker.push("stdout", literal(flood.subarray(70_001)));
    chunker.flush();

    expect(frames.map(({ payload }) => payload.length)).toEqual([1, 65_536, 65_536, 65_536, 3_392]);
    expect(
      Buffer.concat(frames.map(({ payload }) => payload))
        .subarray(1)
        .equals(flood),
    ).toBe(true);
  });

  test("numbers frames without holes, with offsets over all streams and true checksums", ({ expect }) => {
    const { chunker, frames } = setUp();

    chunker.push("stdout", bytes("one"));
    chunker.push("stderr", bytes("two!"));
    chunker.push("stdout", bytes("three"));
    chunker.gap(10, "spool_full");
    chunker.flush();

    expect(frames.map(({ header: { seq, offset, stream } }) => [seq, offset, stream])).toEqual([
      [0, 0, "stdout"],
      [1, 3, "stderr"],
      [2, 7, "stdout"],
      [3, 12, "system"],
    ]);
    for (const { header, payload } of frames) {
      expect(header.sha256).toBe(createHash("sha256").update(payload).digest("hex"));
    }
    expect(frames[3]?.header.gap).toEqual({ bytes: 10, reason: "spool_full" });
  });

  test("says of each frame how much of the output it stands for, and never cuts what stands for other bytes", ({
    expect,
  }) => {
    const { chunker, frames, taken } = setUp();
    const mask = (rawBytes: number): LogPiece => ({ bytes: Buffer.from("***"), rawBytes, replaces: true });

    chunker.push("stdout", literal(Buffer.alloc(65_534, 97)), mask(40), bytes("b"));
    chunker.push("stderr", bytes("err"), mask(1));
    chunker.flush();
    chunker.gap(5, "spool_full", { stdout: 4, stderr: 9 });

    expect(frames.map(({ payload }) => payload.length)).toEqual([65_534, 4, 6, 0]);
    expect(taken).toEqual([
      { stdout: 65_534, stderr: 0 },
      { stdout: 65_575, stderr: 0 },
      { stdout: 65_575, stderr: 4 },
      { stdout: 65_579, stderr: 13 },
    ]);
  });

  test("leaves no timer behind when it is closed", ({ expect }) => {
    const { chunker, clock } = setUp();

    chunker.push("stdout", bytes("a"));
    chunker.push("stdout", bytes("b"));
    chunker.close();

    expect(clock.pending).toBe(0);
  });
});
