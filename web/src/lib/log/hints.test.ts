import { test } from "vitest";
import { continues, foldOf, groupTitle, levelOf } from "./hints.ts";

const ESC = "\u001b";

test("levels are told by the habits of common loggers", ({ expect }) => {
  for (const line of [
    "ERROR something broke",
    "2026-11-21 10:00:00,123 ERROR app: broke",
    "2026-11-21T10:00:00Z [error] broke",
    `${ESC}[31mERROR${ESC}[0m broke`,
    "error: unknown option",
    "error[E0308]: mismatched types",
    "main.c:3:5: error: no such thing",
    "fatal: not a git repository",
    "npm ERR! code ENOENT",
    "panic: runtime error",
    "time=1 level=error msg=x",
    '{"level":"error","msg":"x"}',
    '{"level":50,"msg":"x"}',
    "Traceback (most recent call last):",
    "ValueError: bad",
    "java.lang.NullPointerException: null",
    "TypeError: x is not a function",
    "CRITICAL:root:gone",
  ]) {
    expect([line, levelOf(line)]).toEqual([line, "error"]);
  }
  for (const line of [
    "WARNING:root:careful",
    "[WARN] careful",
    "warning: unused variable",
    "warn(tls): old",
    "level=warning msg=x",
    '{"level":40}',
    "DeprecationWarning: old",
    "/srv/a.py:3: UserWarning: x",
    "npm warn deprecated a@1",
  ]) {
    expect([line, levelOf(line)]).toEqual([line, "warning"]);
  }
});

test("ordinary lines have no level", ({ expect }) => {
  for (const line of [
    "",
    "0 errors, 0 warnings",
    "errors.log written",
    "no error here",
    "terror",
    "Forewarned is forearmed",
    "mirror: ok",
    "alerts sent",
    "ERRORS_FOUND=0",
    `${"x".repeat(200)} ERROR`,
  ]) {
    expect([line, levelOf(line)]).toEqual([line, null]);
  }
});

test("B49 T15 an annotation of another system is no level and no group", ({ expect }) => {
  for (const line of ["::error::deploy failed", "::warning file=a::x", "::group::x", "##vso[task.complete]", "##[x]"]) {
    expect([line, levelOf(line), foldOf(line)]).toEqual([line, null, null]);
  }
});

test("a group begins and ends with a line of its own", ({ expect }) => {
  expect(foldOf("##[group]Build")).toBe("start");
  expect(groupTitle("##[group]Build it")).toBe("Build it");
  expect(foldOf("##[endgroup]")).toBe("end");
  expect(foldOf("##[endgroup] ")).toBe("end");
  expect(foldOf("##[endgroup] and more")).toBeNull();
  expect(foldOf(" ##[group]x")).toBeNull();
});

test("indented lines go on with what stands before them", ({ expect }) => {
  expect(["    at main (a.js:1)", "\tat x", "Caused by: y"].every(continues)).toBe(true);
  expect(["", "  ", "next"].some(continues)).toBe(false);
});

test("B49 a line of 1 MB that almost is a level is looked at in its beginning alone", ({ expect }) => {
  expect(levelOf(`error${"(".repeat(1_000_000)}`)).toBeNull();
  expect(levelOf(`${"[".repeat(1_000_000)}`)).toBeNull();
});
