import { readFileSync } from "node:fs";
import { attemptStates, runStates, triggers } from "@cronium/protocol/run-states";
import { runnerStates } from "@cronium/protocol/runner-states";
import { test } from "vitest";
import { stateWord, t } from "./text.ts";

test("every state of runs, attempts and runners has a word of its own", ({ expect }) => {
  for (const state of [...runStates, ...attemptStates, ...Object.keys(runnerStates)]) {
    expect(stateWord(state)).toMatch(/^[A-Z][a-z ]+$/);
  }
  expect(stateWord("not_known_yet")).toBe("not known yet");
});

test("every trigger has a word", ({ expect }) => {
  for (const trigger of triggers) {
    expect(t(`trigger.${trigger}`)).not.toBe("");
  }
});

test("no text shouts or celebrates", ({ expect }) => {
  for (const file of ["common", "account", "runs", "log", "events", "runners", "schedules", "states", "values"]) {
    const source = readFileSync(new URL(`text/${file}.ts`, import.meta.url), "utf8");
    expect(source, file).not.toMatch(/successfully|oops|!["`]/i);
  }
});

test("explicit and system dark theme are the same", ({ expect }) => {
  const css = readFileSync(new URL("../ui/tokens.css", import.meta.url), "utf8");
  const tokens = (block: string): readonly string[] =>
    [...block.matchAll(/--[\w-]+: [^;]+;/g)].map((match) => match[0]);
  const system = css.slice(
    css.indexOf("@media (prefers-color-scheme: dark)"),
    css.indexOf("/* The same values once more"),
  );
  const explicit = css.slice(css.indexOf('\n:root[data-theme="dark"] {'));
  expect(tokens(system).length).toBeGreaterThan(40);
  expect(tokens(explicit)).toEqual(tokens(system));
});
