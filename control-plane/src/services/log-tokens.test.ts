import { createHmac } from "node:crypto";
import { test } from "vitest";
import { signHs256 } from "../auth/signed-token.ts";
import { readLogToken, signLogToken } from "./log-tokens.ts";

const KEY = "a key of thirty-two characters or more";
const NOW = 1_800_000_000_000;
const scope = {
  workspaceId: "ws_01jd2c5x000000000000000000",
  runId: "run_01jd2c5x000000000000000000",
  attempt: 3,
  capBytes: 1_048_576,
};
const header = { alg: "HS256", typ: "cronium-log+jwt" };
const claims = {
  aud: "cronium-log",
  sub: `${scope.runId}:3`,
  workspace: scope.workspaceId,
  cap: scope.capBytes,
  iat: NOW / 1_000,
  exp: NOW / 1_000 + 60,
};

test("a token says which attempt it is for, until it expires", ({ expect }) => {
  const token = signLogToken(KEY, scope, NOW);
  expect(readLogToken(KEY, token, NOW)).toEqual(scope);
  expect(readLogToken(KEY, token, NOW + 2 * 86_400_000)).toEqual(scope);
  expect(readLogToken(KEY, token, NOW + 3 * 86_400_000)).toBeNull();
  expect(readLogToken(KEY, signHs256(KEY, header, claims), NOW)).toEqual(scope);
  const { cap: _, ...earlier } = claims;
  expect(readLogToken(KEY, signHs256(KEY, header, earlier), NOW)).toEqual({ ...scope, capBytes: 4_294_967_296 });
});

test("B29 a token that is forged, of another kind, or spelt in another way is refused", ({ expect }) => {
  const good = signLogToken(KEY, scope, NOW);
  const [head = "", payload = "", signature = ""] = good.split(".");
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = (headPart: string): string =>
    `${headPart}.${payload}.${createHmac("sha256", KEY).update(`${headPart}.${payload}`).digest("base64url")}`;
  const wrong: Readonly<Record<string, string>> = {
    "another key": signLogToken(`${KEY}x`, scope, NOW),
    "no signature": `${head}.${payload}.`,
    "alg none": `${encode({ alg: "none", typ: header.typ })}.${payload}.`,
    "alg none, signed": signed(encode({ alg: "none", typ: header.typ })),
    "another algorithm": signed(encode({ alg: "HS512", typ: header.typ })),
    "a key in its header": signed(encode({ ...header, jwk: { kty: "oct", k: "AAAA" } })),
    "another type": signHs256(KEY, { ...header, typ: "JWT" }, claims),
    "another audience": signHs256(KEY, header, { ...claims, aud: "cronium-runtime" }),
    "no end": signHs256(KEY, header, { ...claims, exp: undefined }),
    "an end as text": signHs256(KEY, header, { ...claims, exp: "never" }),
    "a claim too many": signHs256(KEY, header, { ...claims, admin: true }),
    "no limit": signHs256(KEY, header, { ...claims, cap: 0 }),
    "attempt 0": signHs256(KEY, header, { ...claims, sub: `${scope.runId}:0` }),
    "a path as run": signHs256(KEY, header, { ...claims, sub: "../x:1" }),
    spaces: ` ${good}`,
    padding: `${good}=`,
    "a cut signature": good.slice(0, -1),
    "left-over bits": `${head}.${payload}.${signature.slice(0, -1)}B`,
    "64 KB": `${good}${"A".repeat(65_536)}`,
    nothing: "",
  };
  for (const [what, token] of Object.entries(wrong)) {
    expect(readLogToken(KEY, token, NOW), what).toBeNull();
  }
});
