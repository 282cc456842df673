import { test } from "vitest";
import { inert, InertText, oneLine } from "./inert.ts";

test("B49 colours pass, and everything else that a terminal would obey is shown", ({ expect }) => {
  expect(inert("\u001b[31;1mred\u001b[0m\r\n\tok")).toBe("\u001b[31;1mred\u001b[0m\r\n\tok");
  for (const [bad, shown] of [
    ["\u001b]0;title\u0007", "␛]0;title␇"],
    ["\u001b]52;c;aGk=\u0007", "␛]52;c;aGk=␇"],
    ["\u001b[2J", "␛[2J"],
    ["\u001b[6n", "␛[6n"],
    ["\u009b31m", "\ufffd31m"],
    ["a\u202eb", "a\ufffdb"],
    ["\u0000\u0008\u007f", "␀␈␡"],
  ] as const) {
    expect(inert(bad)).toBe(shown);
  }
});

test("B49 a sequence that is cut anywhere comes out the same as whole", ({ expect }) => {
  const text = "a\u001b[38;2;1;2;3mb\u001b]8;;x\u0007c\u001b[1A";
  for (let cut = 0; cut <= text.length; cut += 1) {
    const piecewise = new InertText();
    const joined = piecewise.push(text.slice(0, cut)) + piecewise.push(text.slice(cut)) + piecewise.end();
    expect(joined, String(cut)).toBe(inert(text));
  }
});

test("a cell of a table is one line without colours", ({ expect }) => {
  expect(oneLine("two\nlines \u001b[31mred")).toBe("two lines ␛[31mred");
});
