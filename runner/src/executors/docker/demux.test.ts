import { describe, test } from "vitest";
import { makeDemux } from "./demux.ts";

function frame(stream: 1 | 2, text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

describe("Docker's multiplexed output", () => {
  test.for([1, 2, 3, 7, 8, 9, 1_000])("is taken apart when it comes in pieces of %i bytes", (size, { expect }) => {
    const all = Buffer.concat([
      frame(1, "one "),
      frame(2, "two "),
      frame(1, ""),
      frame(1, "three"),
      frame(2, "x".repeat(30)),
    ]);
    const seen = { stdout: "", stderr: "" };
    const feed = makeDemux((stream, bytes) => {
      seen[stream] += Buffer.from(bytes).toString();
    });

    for (let at = 0; at < all.length; at += size) {
      feed(all.subarray(at, at + size));
    }

    expect(seen).toEqual({ stdout: "one three", stderr: `two ${"x".repeat(30)}` });
  });
});
