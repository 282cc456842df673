import type { LogFrame, LogStream } from "@cronium/protocol/log-frame";
import { test } from "vitest";
import { LogBuffer } from "./buffer.ts";

function bufferNow(): LogBuffer {
  return new LogBuffer((task) => task());
}

/** Frames of one attempt with seq and offset counted, as a runner sends them. */
function framesOf(attempt: number, parts: readonly (readonly [LogStream, string | Uint8Array])[]): readonly LogFrame[] {
  let offset = 0;
  return parts.map(([stream, content], seq) => {
    const payload = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const header = { attempt, seq, offset, stream, at: 1_000 + seq, sha256: "0".repeat(64) };
    offset += payload.length;
    return { header, payload };
  });
}

function texts(buffer: LogBuffer): readonly string[] {
  return Array.from({ length: buffer.count }, (_, index) => {
    const line = buffer.line(index);
    return line?.mark === null ? line.text : JSON.stringify(line?.mark);
  });
}

test("lines are cut at line ends and carried over frames", ({ expect }) => {
  const buffer = bufferNow();
  for (const frame of framesOf(1, [
    ["stdout", "one\ntw"],
    ["stdout", "o\nthree\n"],
  ])) {
    buffer.append(frame);
  }
  expect(texts(buffer)).toEqual(["one", "two", "three"]);
  expect([1, 2, 3].map((number) => buffer.indexOfNumber(number))).toEqual([0, 1, 2]);
});

test("each stream keeps its own unfinished line", ({ expect }) => {
  const buffer = bufferNow();
  for (const frame of framesOf(1, [
    ["stdout", "a"],
    ["stderr", "x\n"],
    ["stdout", "b\n"],
  ])) {
    buffer.append(frame);
  }
  expect(texts(buffer)).toEqual(["x", "ab"]);
  expect(buffer.line(1)).toMatchObject({ stream: "stdout", at: 1_000 });
});

test("an unfinished line is shown behind the finished ones and moves into place", ({ expect }) => {
  const buffer = bufferNow();
  const [first, second] = framesOf(1, [
    ["stdout", "done\nhalf"],
    ["stdout", " whole\n"],
  ]);
  buffer.append(first!);
  expect(texts(buffer)).toEqual(["done", "half"]);
  expect(buffer.finishedCount).toBe(1);
  buffer.append(second!);
  expect(texts(buffer)).toEqual(["done", "half whole"]);
});

test("a character cut between frames arrives whole", ({ expect }) => {
  const buffer = bufferNow();
  const bytes = new TextEncoder().encode("Zürich 🚀\n");
  for (const frame of framesOf(
    1,
    Array.from(bytes, (_, at) => ["stdout", bytes.subarray(at, at + 1)] as const),
  )) {
    buffer.append(frame);
  }
  expect(texts(buffer)).toEqual(["Zürich 🚀"]);
});

test("bytes that are not UTF-8 show as U+FFFD", ({ expect }) => {
  const buffer = bufferNow();
  for (const frame of framesOf(1, [["stdout", new Uint8Array([0x61, 0xff, 0xfe, 0x62, 0x0a, 0xc3])]])) {
    buffer.append(frame);
  }
  buffer.end(1, "complete");
  expect(texts(buffer)).toEqual(["a\uFFFD\uFFFDb", "\uFFFD"]);
});

test("repeated frames after a reconnect change nothing", ({ expect }) => {
  const buffer = bufferNow();
  const frames = framesOf(1, [
    ["stdout", "one\n"],
    ["stdout", "two\n"],
    ["stdout", "three\n"],
  ]);
  for (const frame of [frames[0]!, frames[1]!, frames[0]!, frames[1]!, frames[2]!, frames[2]!]) {
    buffer.append(frame);
  }
  expect(texts(buffer)).toEqual(["one", "two", "three"]);
});

test("the cursor stands behind the last byte of the newest attempt", ({ expect }) => {
  const buffer = bufferNow();
  expect(buffer.cursor()).toBeNull();
  for (const frame of framesOf(1, [
    ["stdout", "12345"],
    ["stderr", "é\n"],
  ])) {
    buffer.append(frame);
  }
  expect(buffer.cursor()).toBe("1:8");
  buffer.append(framesOf(2, [["stdout", "x"]])[0]!);
  expect(buffer.cursor()).toBe("2:1");
});

test("a log resumed at every possible cut equals the log read in one go", ({ expect }) => {
  const frames = framesOf(1, [
    ["stdout", "alpha\nbe"],
    ["stderr", "err 1\nerr"],
    ["stdout", "ta\n\n"],
    ["stderr", " 2\n"],
    ["stdout", "gamma"],
  ]);
  const whole = bufferNow();
  frames.forEach((frame) => whole.append(frame));
  whole.end(1, "complete");
  for (let cut = 0; cut <= frames.length; cut += 1) {
    const resumed = bufferNow();
    frames.slice(0, cut).forEach((frame) => resumed.append(frame));
    const offset = Number(resumed.cursor()?.split(":")[1] ?? 0);
    frames.filter((frame) => frame.header.offset >= offset).forEach((frame) => resumed.append(frame));
    resumed.end(1, "complete");
    expect(texts(resumed)).toEqual(texts(whole));
  }
});

test("a declared gap is a mark, also when it is sent twice", ({ expect }) => {
  const buffer = bufferNow();
  const [first, second] = framesOf(1, [
    ["stdout", "a\n"],
    ["stdout", "b\n"],
  ]);
  const gap: LogFrame = {
    header: { ...first!.header, seq: 1, offset: 2, gap: { bytes: 4_096, reason: "spool_full" } },
    payload: new Uint8Array(),
  };
  const after = { header: { ...second!.header, seq: 2 }, payload: second!.payload };
  for (const frame of [first!, gap, gap, after]) {
    buffer.append(frame);
  }
  expect(texts(buffer)).toEqual(["a", '{"type":"gap","bytes":4096,"reason":"spool_full"}', "b"]);
});

test("bytes that never came are marked, not skipped in silence", ({ expect }) => {
  const buffer = bufferNow();
  const [first, , third] = framesOf(1, [
    ["stdout", "a\n"],
    ["stdout", "lost\n"],
    ["stdout", "c\n"],
  ]);
  buffer.append(first!);
  buffer.append(third!);
  expect(texts(buffer)).toEqual(["a", '{"type":"gap","bytes":5,"reason":"not_received"}', "c"]);
});

test("a further attempt starts with a mark and its own offsets; late frames of the old one are ignored", ({
  expect,
}) => {
  const buffer = bufferNow();
  const [first] = framesOf(1, [["stdout", "try one"]]);
  const [second] = framesOf(2, [["stdout", "try two\n"]]);
  buffer.append(first!);
  buffer.append(second!);
  buffer.append({ header: { ...first!.header, seq: 9, offset: 7 }, payload: new TextEncoder().encode("late\n") });
  expect(texts(buffer)).toEqual(["try one", '{"type":"attempt","attempt":2}', "try two"]);
  expect(buffer.line(2)?.number).toBe(2);
  expect(buffer.indexOfNumber(2)).toBe(2);
});

test("an incomplete or truncated log says so once", ({ expect }) => {
  const buffer = bufferNow();
  framesOf(1, [["stdout", "a\n"]]).forEach((frame) => buffer.append(frame));
  buffer.end(1, "truncated");
  buffer.end(1, "truncated");
  expect(texts(buffer)).toEqual(["a", '{"type":"end","logState":"truncated"}']);
});

test("colours go on from line to line of one stream and stay out of the other", ({ expect }) => {
  const buffer = bufferNow();
  for (const frame of framesOf(1, [
    ["stdout", "\u001b[31mred\n"],
    ["stderr", "plain\n"],
    ["stdout", "red too\n"],
  ])) {
    buffer.append(frame);
  }
  expect([0, 1, 2].map((index) => buffer.line(index)?.style.fg)).toEqual([null, null, 1]);
});

test("B49 a line of 3 MB without an end is cut, and its bytes are all there", ({ expect }) => {
  const buffer = bufferNow();
  const chunk = "x".repeat(60_000);
  framesOf(
    1,
    Array.from({ length: 50 }, () => ["stdout", chunk] as const),
  ).forEach((frame) => buffer.append(frame));
  buffer.end(1, "complete");
  expect(texts(buffer).join("").length).toBe(3_000_000);
  expect(Math.max(...texts(buffer).map((text) => text.length))).toBeLessThan(1_200_000);
});

test("B49 an endless progress bar keeps its latest state in bounded memory", ({ expect }) => {
  const buffer = bufferNow();
  const states = Array.from({ length: 20_000 }, (_, i) => ["stdout", `\rstep ${i} of 20000`] as const);
  framesOf(1, states).forEach((frame) => buffer.append(frame));
  const text = buffer.line(0)?.text ?? "";
  expect(text.endsWith("step 19999 of 20000")).toBe(true);
  expect(text.length).toBeLessThan(70_000);
});

test("the last lines of stderr are those of the asked attempt", ({ expect }) => {
  const buffer = bufferNow();
  framesOf(1, [["stderr", "old\n"]]).forEach((frame) => buffer.append(frame));
  framesOf(2, [
    ["stderr", "a\nb\nc"],
    ["stdout", "out\n"],
  ]).forEach((frame) => buffer.append(frame));
  expect(buffer.stderrTail(2, 2).map((line) => line.text)).toEqual(["b", "c"]);
});

test("readers are told once per batch", ({ expect }) => {
  const tasks: (() => void)[] = [];
  const buffer = new LogBuffer((task) => tasks.push(task));
  let told = 0;
  buffer.subscribe(() => {
    told += 1;
  });
  framesOf(1, [
    ["stdout", "a\n"],
    ["stdout", "b\n"],
  ]).forEach((frame) => buffer.append(frame));
  expect(tasks.length).toBe(1);
  tasks[0]?.();
  expect(told).toBe(1);
  expect(buffer.version).toBe(1);
});
