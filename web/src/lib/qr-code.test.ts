import { createHash } from "node:crypto";
import { test } from "vitest";
import { qrCode } from "./qr-code.ts";

const drawn = (text: string): string =>
  qrCode(text)
    .map((row) => row.map((dark) => (dark ? "1" : "0")).join(""))
    .join("\n");

test("QR codes are, module by module, those that another encoder drew", ({ expect }) => {
  const seen = ["https://example.org", "x".repeat(400)].map((text) => {
    const code = drawn(text);
    return [code.indexOf("\n"), createHash("sha256").update(code).digest("hex").slice(0, 16)];
  });
  expect(seen).toEqual([
    [25, "5bbfbc8c8ab41a2f"],
    [77, "3ed4282a72f331b1"],
  ]);
});

test("a QR code has its three finders, and a text that is too long has none", ({ expect }) => {
  const finder = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"];
  const rows = drawn("otpauth://totp/Cronium:ada%40example.org?secret=GEZDGNBVGY3TQOJQ&issuer=Cronium").split("\n");
  expect(rows.slice(0, 7).map((row) => row.slice(0, 7))).toEqual(finder);
  expect(rows.slice(0, 7).map((row) => row.slice(-7))).toEqual(finder);
  expect(rows.slice(-7).map((row) => row.slice(0, 7))).toEqual(finder);
  expect(() => qrCode("x".repeat(413))).toThrow("413 bytes");
});
