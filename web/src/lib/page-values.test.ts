import { test } from "vitest";
import { curlPost } from "./curl.ts";
import { flattenJson } from "./json-rows.ts";
import { jsonBytes, placeOf } from "./json-text.ts";
import { parseLineHash } from "./log/line-hash.ts";
import { pairsText, parsePairs } from "./pairs.ts";
import { day, oneOf, runState, text, wholeNumber } from "./search.ts";

test("pairs are read line by line, the value being everything behind the first sign", ({ expect }) => {
  expect(parsePairs("a=1\n\n b =x=y \r\nc=")).toEqual({ ok: true, pairs: { a: "1", b: "x=y ", c: "" } });
  expect(pairsText({ a: "1", b: "x=y" })).toBe("a=1\nb=x=y");
});

test("a line that is no pair is named by its number", ({ expect }) => {
  expect(parsePairs("a=1\noops")).toMatchObject({ ok: false, line: 2 });
  expect(parsePairs("a=1\na=2")).toMatchObject({ ok: false, line: 2 });
});

test("a pair named __proto__ is a pair like any other", ({ expect }) => {
  const parsed = parsePairs("__proto__=x");
  expect(parsed.ok && Object.keys(parsed.pairs)).toEqual(["__proto__"]);
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
});

test("line links name one line or a range in either order", ({ expect }) => {
  expect(parseLineHash("L120")).toEqual({ from: 120, to: 120 });
  expect(parseLineHash("#L180-L120")).toEqual({ from: 120, to: 180 });
  for (const bad of ["", "L0", "120", "L1-", "Lx", "L1-L2-L3"]) {
    expect(parseLineHash(bad)).toBeNull();
  }
});

test("a position in text is told as line and column from 1", ({ expect }) => {
  expect(placeOf("{\n  x", 4)).toEqual({ line: 2, column: 3 });
  expect(placeOf("", 0)).toEqual({ line: 1, column: 1 });
});

test("JSON sizes count bytes, not characters", ({ expect }) => {
  expect(jsonBytes("ü")).toBe(4);
});

test("a JSON tree visits only what is open", ({ expect }) => {
  const value = { list: [1, 2, { deep: true }], "a/b": null };
  expect(flattenJson(value, new Set([""])).map((row) => row.path)).toEqual(["", "/list", "/a~1b"]);
  expect(flattenJson(value, new Set(["", "/list", "/list/2"])).map((row) => row.path)).toEqual([
    "",
    "/list",
    "/list/0",
    "/list/1",
    "/list/2",
    "/list/2/deep",
    "/a~1b",
  ]);
});

test("a closed row of a JSON tree tells what is in it, an open one does not repeat it", ({ expect }) => {
  const value = { id: 7, tags: ["a"], name: "x".repeat(100), deep: {}, more: 1 };
  expect(flattenJson(value, new Set())[0]?.text).toBe(`{ id: 7, tags: […], name: "${"x".repeat(39)}…, deep: {…}, … }`);
  expect(flattenJson([1, null], new Set())[0]?.text).toBe("[1, null]");
  expect(flattenJson(value, new Set([""]))[0]?.text).toBe("");
});

test("values from the address bar are read as what they should be or left out", ({ expect }) => {
  expect([text(1), text("x"), text({}), text(undefined)]).toEqual(["1", "x", undefined, undefined]);
  expect([wholeNumber("3"), wholeNumber(2), wholeNumber("x"), wholeNumber(-1), wholeNumber(1.5)]).toEqual([
    3,
    2,
    undefined,
    undefined,
    undefined,
  ]);
  expect([runState("failed"), runState("exploded"), oneOf("b", ["a", "b"])]).toEqual(["failed", undefined, "b"]);
});

test("a copied command survives quotes in its body", ({ expect }) => {
  expect(curlPost("http://x", "/api/v1/runs", { input: "it's" })).toContain(`-d '{"input":"it'\\''s"}'`);
});

test("only a day that exists is taken from the address", ({ expect }) => {
  expect(day("2026-03-01")).toBe("2026-03-01");
  for (const wrong of ["2026-13-01", "2026-3-1", "yesterday", 20_260_301, undefined]) {
    expect(day(wrong)).toBeUndefined();
  }
});
