import { createECDH } from "node:crypto";
import { test } from "vitest";
import { isSealingKey, sealTo } from "./sealing.ts";

/** Keys of RFC 9180, appendix A.3.1; `runner/src/base/unseal.test.ts` opens the same message. */
const receiver = createECDH("prime256v1");
receiver.setPrivateKey(Buffer.from("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2", "hex"));
const ephemeral = Buffer.from("4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb", "hex");

test("a message is made as the runner expects it", ({ expect }) => {
  expect(sealTo(receiver.getPublicKey("base64url"), "info", "hello wörld", ephemeral)).toBe(
    "BKknGcYZXVCFEE9GmouYFNWDj_crYFAeLERm5eZ7MlrJhTbXthoa9LeOW3-VHAkAvoY8QDzmXJv8uTgmVyItGMQ" +
      ".dTCqotGFLDa2mBqCTwBPFirSvKkE_Kl4DA8pFA",
  );
});

test("a key that is no point of the curve is known as one", ({ expect }) => {
  expect(isSealingKey(receiver.getPublicKey("base64url"))).toBe(true);
  const off = receiver.getPublicKey();
  off[64] = (off[64] ?? 0) ^ 1;
  for (const bad of [off, Buffer.alloc(65), Buffer.alloc(65, 4), Buffer.alloc(0)]) {
    expect(isSealingKey(bad.toString("base64url"))).toBe(false);
  }
});
