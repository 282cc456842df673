import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { runnerLog, worthShowing } from "./runner-log.ts";

test("routine lines are kept from the terminal, warnings and progress of images are not", ({ expect }) => {
  expect(worthShowing('{"at":"2026-01-01T00:00:00Z","level":"info","event":"run.started","runId":"r"}')).toBeNull();
  expect(worthShowing('{"at":"2026-01-01T00:00:00Z","level":"warn","event":"docker.down","problem":"gone"}')).toBe(
    "docker.down problem=gone",
  );
  expect(worthShowing('{"at":"2026-01-01T00:00:00Z","level":"info","event":"images.building","line":"x"}')).toBe(
    "images.building line=x",
  );
  expect(worthShowing("10:00:00.123 INFO  run.started runId=r")).toBeNull();
  expect(worthShowing("10:00:00.123 ERROR docker.down problem=gone")).toBe("docker.down problem=gone");
});

test("what is no line of its log is shown as it is", ({ expect }) => {
  expect(worthShowing("The policy file is not valid.")).toBe("The policy file is not valid.");
  expect(worthShowing("{ broken")).toBe("{ broken");
  expect(worthShowing("  ")).toBeNull();
});

test("every line is in the file", ({ expect }) => {
  const folder = mkdtempSync(join(tmpdir(), "cronium-runner-log-"));
  try {
    const shown: string[] = [];
    const log = runnerLog(join(folder, "runner.log"), (line) => shown.push(line));
    log('{"level":"info","event":"a"}');
    log("Stopped.");
    expect(readFileSync(join(folder, "runner.log"), "utf8")).toBe('{"level":"info","event":"a"}\nStopped.\n');
    expect(shown).toEqual(["runner: Stopped."]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
