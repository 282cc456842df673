import { test } from "vitest";
import { readEnvFile } from "./env-file.ts";

const valuesOf = (text: string) =>
  Object.fromEntries(readEnvFile(text).entries.map(({ name, value }) => [name, value]));

test("comments, export, spaces, quotes and several lines are read as written", ({ expect }) => {
  const text = [
    "\ufeff# database",
    "",
    "DB_HOST=localhost",
    "export DB_USER = admin # who",
    "DB_PASSWORD='p$a ss#word\\n'",
    'GREETING="hello\\n\\"you\\" \\$HOME"   # greets',
    "HASH=a#b",
    'PEM="-----BEGIN',
    "  line two",
    '-----END"',
    "AFTER=1",
  ].join("\r\n");
  expect(readEnvFile(text).problems).toEqual([]);
  expect(valuesOf(text)).toEqual({
    DB_HOST: "localhost",
    DB_USER: "admin",
    DB_PASSWORD: "p$a ss#word\\n",
    GREETING: 'hello\n"you" $HOME',
    HASH: "a#b",
    PEM: "-----BEGIN\n  line two\n-----END",
    AFTER: "1",
  });
});

test("B15 every wrong line is named at once, and no value is repeated", ({ expect }) => {
  const text = [
    "GOOD=1",
    "hunter2",
    "lower=hunter2",
    "LD_PRELOAD=hunter2",
    "GOOD=hunter2",
    "A='hunter2' tail",
    String.raw`B="hun\x"`,
    "1A=hunter2",
    "C='never closed",
  ].join("\n");
  const { entries, problems } = readEnvFile(text);
  expect(entries.map(({ name }) => name)).toEqual(["GOOD"]);
  expect(problems.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  expect(JSON.stringify(problems)).not.toContain("hunter2");
});

test("an empty value is read as one, for whoever stores it to refuse", ({ expect }) => {
  expect(valuesOf("A=\nB=''\nC= # nothing")).toEqual({ A: "", B: "", C: "" });
});
