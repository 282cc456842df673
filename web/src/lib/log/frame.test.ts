import { decodeLogFrame, encodeLogFrame } from "@cronium/protocol/log-frame";
import { test } from "vitest";
import { readFrame } from "./frame.ts";

const header = {
  attempt: 2,
  seq: 3,
  offset: 400,
  stream: "stderr" as const,
  at: 1_790_000_000_000,
  sha256: "a".repeat(64),
};

test("a frame is read as the protocol writes it", ({ expect }) => {
  const bytes = encodeLogFrame({ header, payload: new TextEncoder().encode("häh\n") });
  const frame = readFrame(bytes.buffer);
  expect(frame?.header).toEqual(header);
  expect(new TextDecoder().decode(frame?.payload)).toBe("häh\n");
});

test("what the protocol refuses is refused here", ({ expect }) => {
  const raw = (text: string): Uint8Array<ArrayBuffer> => {
    const json = new TextEncoder().encode(text);
    const bytes = new Uint8Array(4 + json.length);
    new DataView(bytes.buffer).setUint32(0, json.length);
    bytes.set(json, 4);
    return bytes;
  };
  const cases = [
    new Uint8Array(3),
    raw("{"),
    raw("null"),
    raw("[]"),
    raw(JSON.stringify({ ...header, stream: "stdin" })),
    raw(JSON.stringify({ ...header, seq: -1 })),
    raw(JSON.stringify({ ...header, offset: "0" })),
    new Uint8Array([0xff, 0xff, 0xff, 0xff, 1]),
  ];
  for (const bytes of cases) {
    expect(decodeLogFrame(bytes).ok).toBe(false);
    expect(readFrame(bytes.buffer)).toBeNull();
  }
});
