import { join } from "node:path";
import { test } from "vitest";
import { runCommand } from "./command.ts";

const SETUP = join(import.meta.dirname, "setup.mjs");

test("an unknown command is refused with the known ones, before anything is installed", async ({ expect }) => {
  const result = await runCommand(process.execPath, [SETUP, "strat"]);
  expect(result.code).toBe(1);
  expect(result.output).toMatch(/^Unknown command strat\. Known: start, dev, build, .*images\.\n$/);
});

test("the command runs on the pinned Node, with its arguments and exit code", async ({ expect }) => {
  const result = await runCommand(process.execPath, [SETUP, "build", "no-such-target"]);
  expect(result.code).toBe(2);
  expect(result.output).toMatch(/^Unknown target no-such-target\. Known: worker, /);
});
