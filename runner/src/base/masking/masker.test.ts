import { describe, test } from "vitest";
import { Concealed } from "./concealed.ts";
import { leakOf, masked, randomCase, random, wholeAndInPieces } from "../../../test/masking-cases.ts";
import { Masker } from "./masker.ts";
import { isMaskable } from "./needles.ts";

/** What comes out at once for each piece that goes in, and at last what the end sets free. */
function stepwise(secrets: readonly string[], pieces: readonly string[]): string[] {
  const concealed = new Concealed();
  concealed.add(Object.fromEntries(secrets.map((secret, at) => [`S${at}`, secret])), []);
  let out = "";
  const masker = new Masker(concealed.news(), (got) => {
    out += got.map(({ bytes }) => Buffer.from(bytes).toString()).join("");
  });
  const steps = pieces.map((piece) => {
    out = "";
    masker.push(Buffer.from(piece));
    return out;
  });
  out = "";
  masker.flush();
  return [...steps, out];
}

const SECRET = `p"a's$s/w\\o&rd<é>!`;

describe("the masker", () => {
  test("T4: hides a value wherever it stands, and nothing else", ({ expect }) => {
    expect(masked(["hunter2"], "a hunter2, hunter2hunter2; hunter3\n")).toBe("a ***, ******; hunter3\n");
  });

  test.for([
    ["JSON", JSON.stringify({ a: SECRET })],
    ["JSON in JSON", JSON.stringify(JSON.stringify({ a: SECRET }))],
    ["JSON in ASCII, as Python writes it", String.raw`{"a": "p\"a's$s/w\\o&rd<\u00e9>!"}`],
    ["JSON for pages", String.raw`"p\"a's$s/w\\o\u0026rd\u003cé\u003e!"`],
    ["JSON as PHP writes it", String.raw`"p\"a's$s\/w\\o&rd<\u00e9>!"`],
    ["a component of a URL", `https://x.test/?q=${encodeURIComponent(SECRET)}&b=1`],
    ["a form", new URLSearchParams({ a: SECRET }).toString()],
    ["a URL in lower case", "?q=p%22a%27s%24s%2fw%5co%26rd%3c%c3%a9%3e%21"],
    ["XML", "<a>p&quot;a&apos;s$s/w\\o&amp;rd&lt;é&gt;!</a>"],
    ["HTML", "<a b='p&quot;a&#39;s$s/w\\o&amp;rd&lt;é&gt;!'/>"],
    ["a shell's single quotes", `'p"a'\\''s$s/w\\o&rd<é>!'`],
    ["Python's shlex.quote", `'p"a'"'"'s$s/w\\o&rd<é>!'`],
    ["a shell's double quotes", `"p\\"a's\\$s/w\\\\o&rd<é>!"`],
    ["printf %q", `p\\"a\\'s\\$s/w\\\\o\\&rd\\<é\\>\\!`],
    ["printf %q in another locale", `$'p"a\\'s$s/w\\\\o&rd<\\303\\251>!'`],
    ["a Windows command line", `"p\\"a's$s/w\\o&rd<é>!"`],
    ["PowerShell's single quotes", `'p"a''s$s/w\\o&rd<é>!'`],
    ["PowerShell's double quotes", `"p\`"a's\`$s/w\\o&rd<é>!"`],
    ["doubled quotes, as in CSV", `"p""a's$s/w\\o&rd<é>!"`],
  ])("T4: finds a value in %s", ([, text = ""], { expect }) => {
    const out = masked([SECRET], text);

    expect(out).toContain("***");
    expect(out).not.toMatch(/[é]|\\u00e9|%c3|rd[<&\\%]/i);
  });

  test("T4: finds a value in base64 at any place, of both alphabets, wrapped, and at its end", ({ expect }) => {
    for (const before of ["", "u", "us", "user:", "some user:"]) {
      for (const after of ["", "\n", "@host", " and a long tail behind it"]) {
        const whole = Buffer.from(`${before}${SECRET}${after}`);
        for (const text of [whole.toString("base64"), whole.toString("base64url")]) {
          const out = masked([SECRET], `Basic ${text}.`);
          expect(out, text).toContain("***");
          expect(leakOf([SECRET], out), out).toBeNull();
        }
      }
    }
    const wrapped = Buffer.from(`${"x".repeat(50)}${SECRET}`)
      .toString("base64")
      .replace(/.{76}/g, "$&\n");
    expect(masked([SECRET], wrapped)).toMatch(/\*\*\*$/);
    const utf16 = Buffer.from(`echo ${SECRET}`, "utf16le").toString("base64");
    expect(masked([SECRET], `powershell -EncodedCommand ${utf16}`)).toContain("***");
  });

  test("T4: hides each line of a value of several lines, and the password of an address", ({ expect }) => {
    const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\r\n  hkiG9w0BAQEFAASC\nab\n-----END KEY-----\n";
    const out = masked([key, "http://me:pa%24s%2Fword@proxy.test:3128"], `1: MIIEvQIBADANBgkq\n2:\thkiG9w0BAQEFAASC|`);

    expect(out).toBe("1: ***\n2:\t***|");
    expect(masked([key], key)).toMatch(/^\*+[\s*]*\n$/);
    const proxy = ["http://me:pa%24s%2Fword@proxy.test:3128"];
    expect(masked(proxy, "using pa$s/word, pa%24s%2Fword and me:pa$s/word")).toBe("using ***, *** and ***");
    expect(masked(proxy, `Proxy-Authorization: Basic ${Buffer.from("me:pa$s/word").toString("base64")}`)).toMatch(
      /Basic \*\*\*=*$/,
    );
  });

  test("T4: finds a value that colours or other escape sequences cut", ({ expect }) => {
    const cut = "hunter2".split("").join("\u001b[1;31m");

    expect(masked(["hunter2"], `\u001b[32mx ${cut}\u001b[0m\n`)).toBe("\u001b[32mx ***\u001b[0m\n");
    expect(masked(["hunter2"], "hun\u001b]8;;http://a.test\u0007ter\u001b]8;;\u001b\\2!")).toBe("***!");
    expect(masked(["hunter2"], "hun\u001b[31mger")).toBe("hun\u001b[31mger");
  });

  test("T4: replaces values that overlap together", ({ expect }) => {
    expect(masked(["abcdef", "defghi", "xabcdefghix"], "1abcdefghi2")).toBe("1***2");
    expect(masked(["abcdef", "cdef", "abcdefgh"], "abcdefgX cdef abcdefgh")).toBe("***gX *** ***");
  });

  test("T4: finds values of many bytes a character, and bytes that are no text", ({ expect }) => {
    expect(masked(["пароль", "🔑🔑🔑🔑"], "x пароль 🔑🔑🔑🔑 y")).toBe("x *** *** y");
    const pieces = wholeAndInPieces(["пароль"], Buffer.from("ff00d0bfd0b0d180d0bed0bbd18cc3fe", "hex"), random(1));
    expect(pieces.whole.toString("hex")).toBe("ff002a2a2ac3fe");
  });

  test("holds back only what may become a secret, and never an ordinary line", ({ expect }) => {
    expect(stepwise(["hunter2"], ["pass hun", "ger\n", "hunt", "er2", "\n", "done hu"])).toEqual([
      "pass ",
      "hunger\n",
      "",
      "***",
      "\n",
      "done ",
      "hu",
    ]);
  });

  test("T4: hides a value that is added later from then on, also in what is held back", ({ expect }) => {
    let out = "";
    const masker = new Masker(null, (got) => {
      out += got.map(({ bytes }) => Buffer.from(bytes).toString()).join("");
    });
    const concealed = new Concealed();
    const learn = (value: string): void => {
      concealed.add({ [value]: value }, []);
      const trie = concealed.news();
      if (trie !== null) {
        masker.use(trie);
      }
    };
    masker.push(Buffer.from("second "));
    learn("first value");
    masker.push(Buffer.from("first value first sec"));
    learn("second");
    masker.push(Buffer.from("ond second"));
    learn("second");
    masker.flush();

    expect(out).toBe("second *** first second ***");
  });

  test("T4: a value held back is found by the next one", ({ expect }) => {
    let out = "";
    const concealed = new Concealed();
    concealed.add({ A: "secret-one" }, []);
    const masker = new Masker(concealed.news(), (got) => {
      out += got.map(({ bytes }) => Buffer.from(bytes).toString()).join("");
    });
    masker.push(Buffer.from("a secret"));
    concealed.add({ B: "secret-two" }, []);
    const trie = concealed.news();
    if (trie !== null) {
      masker.use(trie);
    }
    masker.push(Buffer.from("-two b"));

    expect(out).toBe("a *** b");
  });

  test("says what is too short to be hidden", ({ expect }) => {
    expect(["", "abc", " abc \n", "abcd", "äöüß", "🔑🔑🔑"].map(isMaskable)).toEqual([
      false,
      false,
      false,
      true,
      true,
      false,
    ]);
    expect(new Concealed().add({ PIN: "123", EMPTY: "", LONG: "1234" }, [])).toEqual(["PIN"]);
  });

  test("I21: no listed form of a secret comes out, and the same bytes come out, however the output is cut", ({
    expect,
  }) => {
    const next = random(20_261_121);
    for (let round = 0; round < 3_000; round += 1) {
      const { secrets, output } = randomCase(next);
      const { whole, pieces, rawBytes, heldMost } = wholeAndInPieces(secrets, output, next);
      const about = `round ${round}: ${JSON.stringify(secrets)}`;
      expect(pieces.equals(whole), about).toBe(true);
      expect(leakOf(secrets, whole.toString("latin1"), "latin1"), about).toBeNull();
      expect(rawBytes, about).toBe(output.length);
      expect(heldMost, about).toBeLessThan(70_000);
    }
  });

  test("I21: a masker that begins anew where a piece ended gives the same bytes", ({ expect }) => {
    const next = random(7);
    for (let round = 0; round < 500; round += 1) {
      const { secrets, output } = randomCase(next);
      const { whole } = wholeAndInPieces(secrets, output, next);
      const { anew } = wholeAndInPieces(secrets, output, next, true);
      expect(anew.equals(whole), `round ${round}: ${JSON.stringify(secrets)}`).toBe(true);
    }
  });
});
