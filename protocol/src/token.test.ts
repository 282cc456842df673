import { describe, test } from "vitest";
import { base64url, isWholeToken, makeToken, type TokenKind, tokenPrefixes, tokenUrl } from "./token.ts";

const random = Uint8Array.from({ length: 32 }, (_, index) => index * 7);
const ADDRESS = "https://plane.example:8443/ä";
const tokens: Record<TokenKind, string> = {
  apiKey: makeToken("apiKey", random),
  registration: makeToken("registration", random, ADDRESS),
  claim: makeToken("claim", random),
  device: makeToken("device", random),
  invitation: makeToken("invitation", random),
  accountLink: makeToken("accountLink", random),
  signIn: makeToken("signIn", random),
};
const kinds = Object.keys(tokenPrefixes) as TokenKind[];

describe("tokens", () => {
  test("are whole for their own kind and for no other", ({ expect }) => {
    for (const kind of kinds) {
      expect(kinds.filter((other) => isWholeToken(other, tokens[kind]))).toEqual([kind]);
    }
  });

  test("are the same for the same random bytes, and differ with one bit", ({ expect }) => {
    const other = Uint8Array.from(random);
    other[31] = (other[31] ?? 0) ^ 1;
    expect(makeToken("apiKey", random)).toBe(tokens.apiKey);
    expect(makeToken("apiKey", other)).not.toBe(tokens.apiKey);
  });

  test("that lost, gained or swapped a character are told apart before any lookup", ({ expect }) => {
    for (const kind of kinds) {
      const token = tokens[kind];
      const mangled = [
        token.slice(0, -1),
        `${token}0`,
        ` ${token}`,
        `${token}\n`,
        token.toUpperCase(),
        token.slice(0, 8) + (token[8] === "A" ? "B" : "A") + token.slice(9),
        token.slice(0, 8) + token.slice(9),
      ];
      expect(mangled.filter((text) => isWholeToken(kind, text))).toEqual([]);
    }
  });

  test("longer than any real one are refused unread", ({ expect }) => {
    const long = makeToken("registration", random, `https://${"a".repeat(2_000)}.example`);
    expect(isWholeToken("registration", long)).toBe(false);
  });

  test("of registration carry the address of the control plane", ({ expect }) => {
    expect(tokenUrl(tokens.registration)).toBe(ADDRESS);
    expect(tokenUrl(tokens.apiKey)).toBeNull();
    expect(tokenUrl(`${tokens.registration}x`)).toBeNull();
  });
});

test("base64url has neither padding nor characters that addresses reserve", ({ expect }) => {
  expect(base64url(Uint8Array.from([0xfb, 0xff, 0xfe, 0x00]))).toBe("-__-AA");
  expect(base64url(new Uint8Array(0))).toBe("");
});
