import { test } from "vitest";
import { isCanonicalJws } from "./jws.ts";
import { base64url } from "./token.ts";

test("every encoding of bytes is canonical, and no other spelling of it", ({ expect }) => {
  const part = (length: number): string => base64url(Uint8Array.from({ length }, (_, i) => (i * 97) % 256));
  for (let length = 0; length < 70; length += 1) {
    expect(isCanonicalJws(`${part(length)}.${part(length + 1)}.${part(32)}`)).toBe(true);
  }
  for (const text of [
    "",
    ".",
    "A.A.A",
    "AA.AA",
    "AA.AA.AA.AA",
    "AB.AA.AA",
    "AAB.AA.AA",
    "AA==.AA.AA",
    "A+A.AA.AA",
    "AA. AA.AA",
    "AA.AA.AA\n",
    "AA?.AA.AA",
    "ÄÄ.AA.AA",
  ]) {
    expect(isCanonicalJws(text), text).toBe(false);
  }
});

test("T22 a text that is long and wrong at its end is refused without searching", ({ expect }) => {
  expect(isCanonicalJws(`${"A".repeat(1_000_000)}.${"A".repeat(1_000_000)}.${"A".repeat(1_000_000)}!`)).toBe(false);
});
