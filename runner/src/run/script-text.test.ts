import { test } from "vitest";
import { scriptText } from "./script-text.ts";

test("B18 a byte order mark and line ends of Windows are read, and said", ({ expect }) => {
  expect(scriptText("bash", "\ufeffecho a\r\necho b\r\n")).toEqual({
    text: "echo a\necho b\n",
    notices: [expect.stringContaining("byte order mark"), expect.stringContaining("CRLF")],
  });
  expect(scriptText("python", "\ufeffx = 1\r\n")).toEqual({
    text: "x = 1\r\n",
    notices: [expect.stringContaining("byte order mark")],
  });
});

test("every other script stays as it is", ({ expect }) => {
  for (const script of ["echo a\n", "printf 'a\rb'", "a \ufeff b", "#!/bin/sh\ntrue", ""]) {
    expect(scriptText("bash", script)).toEqual({ text: script, notices: [] });
  }
  expect(scriptText("node", "a;\r\nb;")).toEqual({ text: "a;\r\nb;", notices: [] });
});
