import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { globalOptions, isNoun, optionName, type Leaf } from "../base/command.ts";
import { exitCodes } from "../base/exit-error.ts";
import { candidates } from "../commands/completion.ts";
import type { Cli } from "../commands/context.ts";
import { commands } from "./table.ts";

const DOCS = readFileSync(join(import.meta.dirname, "../../../docs/cli.md"), "utf8");

/** Every command as it is typed, with what it is. */
const leaves: readonly (readonly [string, Leaf<Cli>])[] = commands.flatMap((command) =>
  isNoun(command)
    ? command.verbs.map((verb) => [`cronium ${command.name} ${verb.name}`, verb] as const)
    : [[`cronium ${command.name}`, command] as const],
);

test("docs/cli.md names every command with its flags, and no command that there is not", ({ expect }) => {
  const inTable = DOCS.split("\n").filter((line) => line.startsWith("| `cronium"));
  const named = new Set(
    inTable.flatMap((line) => [...(line.split("|")[1]?.matchAll(/`([^`]+)`/g) ?? [])].map((match) => match[1] ?? "")),
  );
  expect([...named].toSorted()).toEqual(leaves.map(([name]) => name).toSorted());
  for (const [name, leaf] of leaves) {
    for (const option of leaf.options ?? []) {
      expect(DOCS, `${name} ${option.flags}`).toContain(
        `--${option.flags.includes("--no-") ? "no-" : ""}${optionName(option)}`,
      );
    }
  }
  for (const option of globalOptions) {
    expect(DOCS).toContain(`\`--${option.flags.includes("--no-") ? "no-" : ""}${optionName(option)}\``);
  }
});

test("docs/cli.md lists every exit code", ({ expect }) => {
  const listed = [...DOCS.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
  expect(listed).toEqual(Object.values(exitCodes).toSorted((a, b) => a - b));
});

test("what does each command is there to be loaded", async ({ expect }) => {
  for (const [name, leaf] of leaves) {
    expect(typeof (await leaf.load()), name).toBe("function");
  }
});

test("a shell is told the commands, verbs, flags and values that may come next", ({ expect }) => {
  const next = (...words: string[]): string[] => candidates(commands, words);
  expect(next("run")).toEqual(["run", "runs", "runners"]);
  expect(next("runs", "")).toEqual([
    "list",
    "show",
    "wait",
    "artifacts",
    "cancel",
    "retry",
    "requeue",
    "update",
    "cancel-many",
    "bulk",
  ]);
  expect(next("runs", "can")).toEqual(["cancel", "cancel-many"]);
  expect(next("runs", "list", "--st")).toEqual(["--state"]);
  expect(next("runs", "list", "--state", "can")).toEqual(["cancelling", "cancelled"]);
  expect(next("login", "--no")).toEqual(["--no-browser", "--no-input"]);
  expect(next("completion", "")).toEqual(["bash", "zsh", "fish", "pwsh"]);
  expect(next("nonsense", "")).toEqual([]);
});
