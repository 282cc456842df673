import { createHash } from "node:crypto";
import { describe, test } from "vitest";
import { MAX_LOG_FRAME_BYTES } from "./limits.ts";
import { decodeLogFrame, encodeLogFrame, type LogHeader } from "./log-frame.ts";

function headerOf(payload: Uint8Array, changes: Partial<LogHeader> = {}): LogHeader {
  const sha256 = createHash("sha256").update(payload).digest("hex");
  return { attempt: 1, seq: 0, offset: 0, stream: "stdout", at: 1_795_219_200_000, sha256, ...changes };
}

function refusalOf(bytes: Uint8Array): string {
  const decoded = decodeLogFrame(bytes);
  return decoded.ok ? "was read" : decoded.message;
}

describe("a log frame comes back as it was", () => {
  const payloads: [string, Uint8Array][] = [
    ["plain text", new TextEncoder().encode("hello\n")],
    ["nothing", new Uint8Array(0)],
    ["every byte, whatever it means", Uint8Array.from({ length: 256 }, (_, index) => index)],
    ["the largest payload", new Uint8Array(MAX_LOG_FRAME_BYTES).fill(0xff)],
  ];
  for (const [what, payload] of payloads) {
    test(what, ({ expect }) => {
      const header = headerOf(payload);
      expect(decodeLogFrame(encodeLogFrame({ header, payload }))).toEqual({ ok: true, frame: { header, payload } });
    });
  }

  test("also out of the middle of a larger buffer", ({ expect }) => {
    const payload = new TextEncoder().encode("inside");
    const bytes = encodeLogFrame({ header: headerOf(payload), payload });
    const around = new Uint8Array(bytes.length + 20);
    around.set(bytes, 7);
    const decoded = decodeLogFrame(around.subarray(7, 7 + bytes.length));
    expect(decoded.ok ? decoded.frame.payload : undefined).toEqual(payload);
  });
});

describe("a log frame is refused", () => {
  const payload = new TextEncoder().encode("x");
  const good = encodeLogFrame({ header: headerOf(payload), payload });

  test("when it is shorter than its length field", ({ expect }) => {
    expect(refusalOf(new Uint8Array(3))).toBe("a log frame has at least 4 bytes, this one 3");
  });

  test("when the header claims more bytes than there are, or than are allowed", ({ expect }) => {
    const claims = (length: number, size: number) => {
      const bytes = new Uint8Array(size);
      new DataView(bytes.buffer).setUint32(0, length);
      return refusalOf(bytes);
    };
    expect(claims(10, 8)).toBe("the header claims 10 bytes");
    expect(claims(1_025, 4_000)).toBe("the header claims 1025 bytes");
    expect(claims(0xffffffff, 8)).toBe("the header claims 4294967295 bytes");
  });

  test("when the payload is larger than the limit", ({ expect }) => {
    const large = new Uint8Array(MAX_LOG_FRAME_BYTES + 1);
    const bytes = encodeLogFrame({ header: headerOf(large), payload: large });
    expect(refusalOf(bytes)).toBe(`the payload has ${large.length} bytes; the limit is ${MAX_LOG_FRAME_BYTES}`);
  });

  test("when the header is no JSON or no UTF-8", ({ expect }) => {
    const notJson = good.slice();
    notJson[4] = "[".charCodeAt(0);
    expect(refusalOf(notJson)).toBe("the header is not one JSON object in UTF-8 that names each key once");
    const notUtf8 = good.slice();
    notUtf8[6] = 0xff;
    expect(refusalOf(notUtf8)).toBe("the header is not one JSON object in UTF-8 that names each key once");
  });

  test("when a field of the header is wrong, and the message names it", ({ expect }) => {
    const bytes = encodeLogFrame({ header: headerOf(payload, { seq: -1 }), payload });
    expect(refusalOf(bytes)).toContain("seq");
  });

  test("when a gap carries a payload", ({ expect }) => {
    const header = headerOf(payload, { gap: { bytes: 4, reason: "spool_full" } });
    expect(refusalOf(encodeLogFrame({ header, payload }))).toBe("a gap carries no payload");
  });
});
