import { test } from "vitest";
import { makeUserCode, readUserCode } from "./user-code.ts";

test("T18 a code has eight letters of an alphabet in which no two look alike", ({ expect }) => {
  const seen = new Set<string>();
  for (let round = 0; round < 2_000; round += 1) {
    const code = makeUserCode(crypto.getRandomValues(new Uint8Array(32)));
    expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    seen.add(code);
  }
  expect(seen.size).toBe(2_000);
});

test("bytes that would favour some letters are left out", ({ expect }) => {
  const random = new Uint8Array(32).fill(255);
  random.set([0, 1, 2, 3, 4, 5, 6, 239], 8);
  expect(makeUserCode(random)).toBe("BCDF-GHJZ");
  expect(() => makeUserCode(new Uint8Array(32).fill(240))).toThrow("needs 8 bytes");
});

test("case, spaces and hyphens do not count; anything else is no code", ({ expect }) => {
  for (const text of ["wdjb-mjht", " WDJB MJHT ", "WDJBMJHT", "w-d-j-b-m-j-h-t"]) {
    expect(readUserCode(text), text).toBe("WDJB-MJHT");
  }
  for (const text of ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "ẂDJB-MJHT", "W".repeat(10_000)]) {
    expect(readUserCode(text), text).toBeNull();
  }
});
