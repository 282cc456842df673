import { describe, test } from "vitest";
import { compileRegex } from "./linear-regex.ts";

function matcher(pattern: string): (text: string) => boolean {
  const compiled = compileRegex(pattern);
  if (!compiled.ok) {
    throw new Error(`${pattern} ${compiled.message}`);
  }
  return (text) => compiled.regex.test(text, () => undefined);
}

describe("a pattern", () => {
  const texts = [
    "",
    "a",
    "ab",
    "aab",
    "a-b",
    "A1",
    "foo@bar.de",
    "a\nb",
    "😀",
    "ß",
    "2026-01-31",
    "xaby",
    "]",
    "a.b.c",
    "--",
  ];
  test.for([
    "^[a-z0-9]+(-[a-z0-9]+)*$",
    "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$",
    "^\\d{4}-(0[1-9]|1[0-2])-\\d{2}$",
    "a+b?",
    "^.$",
    "^.{2,3}$",
    "^(?:a|ab)(?<rest>b|)$",
    "[\\]a]$",
    "^\\u{1F600}$",
    "^\\p{L}+$",
    "^(\\w+\\.)+\\w$",
    "^[A-Z]\\d??$",
    "(^a|y$)",
    "^$",
    "x{0}a",
    "\\x61\\u0062",
  ])("%s finds what the engine at hand finds", (pattern, { expect }) => {
    const ours = matcher(pattern);
    const theirs = new RegExp(pattern, "u");
    expect(texts.map((text) => [text, ours(text)])).toEqual(texts.map((text) => [text, theirs.test(text)]));
  });

  test.for<[string, string]>([
    ["(a+)+$", "unsafe_regex"],
    ["^(a*)*b", "unsafe_regex"],
    ["^(\\w+\\s?)*$", "unsafe_regex"],
    ["(a|b+)*c", "unsafe_regex"],
    ["^(a{1,30})+$", "unsafe_regex"],
    ["(.)\\1", "unsafe_regex"],
    ["(?=a)b", "unsafe_regex"],
    ["(?<!a)b", "unsafe_regex"],
    ["\\bword\\b", "unsafe_regex"],
    ["^(a{1,9}b){900}$", "unsafe_regex"],
    ["a".repeat(513), "unsafe_regex"],
    ["(", "invalid_regex"],
    ["[z-a]", "invalid_regex"],
    ["\\q", "invalid_regex"],
  ])("B22: %s is refused", ([pattern, code], { expect }) => {
    expect(compileRegex(pattern)).toMatchObject({ ok: false, code });
  });

  test("costs steps in proportion to the text, however often its parts could match", ({ expect }) => {
    const compiled = compileRegex("a*a*a*a*a*b");
    const steps = (length: number): number => {
      let spent = 0;
      if (compiled.ok) {
        compiled.regex.test("a".repeat(length), (some) => {
          spent += some;
        });
      }
      return spent;
    };
    expect(steps(20_000) / steps(10_000)).toBeLessThan(2.1);
  });

  test("is ended by what counts its steps", ({ expect }) => {
    const compiled = compileRegex("a*b");
    const end = (): never => {
      throw new Error("enough");
    };
    expect(() => compiled.ok && compiled.regex.test("aaaa", end)).toThrow("enough");
  });
});
