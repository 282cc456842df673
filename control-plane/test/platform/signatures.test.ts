/** Wycheproof's vectors through the functions that check signatures here, in the runtime that they run in. */
import { base64url } from "@cronium/protocol/token";
import { test } from "vitest";
import { isSignatureOf } from "../../src/auth/ed25519.ts";
import { hmacSha256, isSameMac } from "../../src/auth/hmac.ts";
import { testEnv } from "./installation.ts";

interface Suite<Group> {
  readonly numberOfTests: number;
  readonly testGroups: readonly Group[];
}
type Result = "valid" | "invalid";
const { WYCHEPROOF_HMAC, WYCHEPROOF_ED25519 } = testEnv as unknown as Readonly<
  Record<"WYCHEPROOF_HMAC" | "WYCHEPROOF_ED25519", string | null>
>;
const bytes = (hex: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(hex, "hex"));

test.skipIf(WYCHEPROOF_HMAC === null)(
  "B29 Wycheproof's HMAC-SHA256 vectors: right ones alone, and whole (skipped where SUITES_DIR holds none)",
  ({ expect }) => {
    const { numberOfTests, testGroups } = JSON.parse(WYCHEPROOF_HMAC ?? "") as Suite<{
      readonly tagSize: number;
      readonly tests: readonly { tcId: number; key: string; msg: string; tag: string; result: Result }[];
    }>;
    let tried = 0;
    for (const { tagSize, tests } of testGroups) {
      for (const { tcId, key, msg, tag, result } of tests) {
        const mac = hmacSha256(bytes(key), bytes(msg));
        // Codes that are cut to half are valid elsewhere; nothing here makes or takes one.
        expect(isSameMac(mac, bytes(tag)), `case ${tcId}`).toBe(result === "valid" && tagSize === 256);
        expect(isSameMac(mac.subarray(0, tagSize / 8), bytes(tag)), `case ${tcId}`).toBe(result === "valid");
        tried += 1;
      }
    }
    expect(tried).toBe(numberOfTests);
    expect(tried).toBe(174);
  },
);

test.skipIf(WYCHEPROOF_ED25519 === null)(
  "T8 Wycheproof's Ed25519 vectors: no signature that is not the one (skipped where SUITES_DIR holds none)",
  async ({ expect }) => {
    const { numberOfTests, testGroups } = JSON.parse(WYCHEPROOF_ED25519 ?? "") as Suite<{
      readonly publicKey: { readonly pk: string };
      readonly tests: readonly { tcId: number; msg: string; sig: string; result: Result }[];
    }>;
    let tried = 0;
    for (const { publicKey, tests } of testGroups) {
      for (const { tcId, msg, sig, result } of tests) {
        const isValid = await isSignatureOf(base64url(bytes(publicKey.pk)), base64url(bytes(sig)), bytes(msg));
        expect(isValid, `case ${tcId}`).toBe(result === "valid");
        tried += 1;
      }
    }
    expect(tried).toBe(numberOfTests);
    expect(tried).toBe(151);
  },
);
