import { randomBytes } from "node:crypto";
import { test } from "vitest";
import { makeKeyRing, selfTest } from "./master-keys.ts";
import { keyIdOf, openSecret, sealSecret } from "./secret-box.ts";

const first = randomBytes(32).toString("base64");
const second = randomBytes(32).toString("base64url");
const ring = makeKeyRing(first, "");
const place = { workspaceId: "ws_a", secretId: "sec_a" };

test("a value comes back from its own place, whatever it holds, and no two boxes are alike", ({ expect }) => {
  for (const value of ["x", "p\u00e4ss\n\u{1f511}", "v".repeat(65_536)]) {
    const box = sealSecret(ring, place, value, randomBytes);
    expect(openSecret(ring, place, box)).toEqual({ ok: true, value });
    expect(sealSecret(ring, place, value, randomBytes)).not.toBe(box);
  }
});

test("T27 a ciphertext that is moved to another workspace or secret does not open", ({ expect }) => {
  const box = sealSecret(ring, place, "value", randomBytes);
  for (const other of [
    { ...place, workspaceId: "ws_b" },
    { ...place, secretId: "sec_b" },
    { workspaceId: "ws_a\nsec_a", secretId: "" },
  ]) {
    expect(openSecret(ring, other, box)).toEqual({ ok: false, why: "damaged" });
  }
});

test("T27 parts of two boxes do not go together, and no bit may change", ({ expect }) => {
  const a = sealSecret(ring, place, "one", randomBytes).split(".");
  const b = sealSecret(ring, place, "two", randomBytes).split(".");
  const mixed = [a[0], a[1], a[2], b[3]].join(".");
  expect(openSecret(ring, place, mixed).ok).toBe(false);
  const bytes = Buffer.from(a[3] ?? "", "base64url");
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(openSecret(ring, place, [a[0], a[1], a[2], changed.toString("base64url")].join(".")).ok).toBe(false);
  }
  for (const broken of ["", "1", "1..", "2.x.y.z", `1.${ring.current.id}..`, `1.${ring.current.id}.AA.AA`]) {
    expect(openSecret(ring, place, broken).ok).toBe(false);
  }
});

test("T27 a rotated key reads what the one before wrote, and a forgotten one is named", ({ expect }) => {
  const box = sealSecret(ring, place, "value", randomBytes);
  const rotated = makeKeyRing(second, first);
  expect(openSecret(rotated, place, box)).toEqual({ ok: true, value: "value" });
  expect(keyIdOf(sealSecret(rotated, place, "value", randomBytes))).toBe(rotated.current.id);
  expect(keyIdOf(box)).toBe(ring.current.id);
  expect(openSecret(makeKeyRing(second, ""), place, box)).toEqual({ ok: false, why: "unknown_key" });
  expect(selfTest(rotated)).toBeNull();
});
