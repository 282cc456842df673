import { createECDH } from "node:crypto";
import { sealingInfo } from "@cronium/protocol";
import { test } from "vitest";
import { sharedSecret, unseal } from "./unseal.ts";

/** RFC 9180, appendix A.3.1: DHKEM(P-256, HKDF-SHA256), base mode. */
const receiver = Buffer.from("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2", "hex");
const ephemeral = Buffer.from("4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb", "hex");
/** What the control plane makes of these keys, `info` and the text below (`auth/sealing.test.ts` has the same). */
const MESSAGE =
  "BKknGcYZXVCFEE9GmouYFNWDj_crYFAeLERm5eZ7MlrJhTbXthoa9LeOW3-VHAkAvoY8QDzmXJv8uTgmVyItGMQ" +
  ".dTCqotGFLDa2mBqCTwBPFirSvKkE_Kl4DA8pFA";

test("the shared secret is the one of RFC 9180", ({ expect }) => {
  const [own, theirs] = [createECDH("prime256v1"), createECDH("prime256v1")];
  own.setPrivateKey(ephemeral);
  theirs.setPrivateKey(receiver);
  const agreed = own.computeSecret(theirs.getPublicKey());
  expect(sharedSecret(agreed, own.getPublicKey(), theirs.getPublicKey()).toString("hex")).toBe(
    "c0d26aeab536609a572b07695d933b589dcf363ff9d93c93adea537aeabb8cb8",
  );
});

test("what the control plane seals is opened, with the right key and place alone", ({ expect }) => {
  expect(unseal(receiver, "info", MESSAGE)).toBe("hello wörld");
  expect(() => unseal(ephemeral, "info", MESSAGE)).toThrow();
  expect(() => unseal(receiver, "other info", MESSAGE)).toThrow();
  for (const broken of [
    "",
    ".",
    MESSAGE.slice(0, -3),
    MESSAGE.replace("dTCq", "dTCr"),
    MESSAGE.replace("BKkn", "BKko"),
  ]) {
    expect(() => unseal(receiver, "info", broken), broken).toThrow();
  }
});

test("every part of the place tells messages apart", ({ expect }) => {
  const place = { workspaceId: "ws_a", runnerId: "rnr_a", runId: "run_a", attempt: 1 };
  const others = [
    place,
    { ...place, workspaceId: "ws_b" },
    { ...place, runnerId: "rnr_b" },
    { ...place, runId: "run_b" },
    { ...place, attempt: 2 },
  ];
  expect(new Set(others.map(sealingInfo)).size).toBe(5);
});
