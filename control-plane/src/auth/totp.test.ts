import { describe, test } from "vitest";
import { base32, codeAt, stepOf, totpUri } from "./totp.ts";

const secret = new TextEncoder().encode("12345678901234567890");

describe("codes of authenticator apps", () => {
  test("are those of RFC 6238, appendix B", ({ expect }) => {
    const vectors = {
      59: "94287082",
      1111111109: "07081804",
      1111111111: "14050471",
      1234567890: "89005924",
      2000000000: "69279037",
      20000000000: "65353130",
    };
    for (const [seconds, code] of Object.entries(vectors)) {
      expect(codeAt(secret, Math.floor(Number(seconds) / 30)), seconds).toBe(code.slice(2));
    }
  });

  test("count one step before and after, and no other", ({ expect }) => {
    const now = 1_800_000_000_000;
    const step = now / 30_000;
    const found = [-2, -1, 0, 1, 2].map((off) => stepOf(secret, codeAt(secret, step + off), now));
    expect(found).toEqual([null, step - 1, step, step + 1, null]);
  });

  test("have secrets that apps can read, as RFC 4648 writes them", ({ expect }) => {
    const text = (of: string): string => base32(new TextEncoder().encode(of));
    expect(["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(text)).toEqual([
      "",
      "MY",
      "MZXQ",
      "MZXW6",
      "MZXW6YQ",
      "MZXW6YTB",
      "MZXW6YTBOI",
    ]);
    expect(totpUri("ada@example.org", secret)).toBe(
      "otpauth://totp/Cronium:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Cronium",
    );
  });
});
