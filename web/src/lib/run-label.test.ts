import { test } from "vitest";
import { runLabel } from "./run-label.ts";

test("a run in a list says its name and how far it is, as far as it knows", ({ expect }) => {
  const progress = { fraction: 0.255, message: null, at: "2026-01-01T00:00:00.000Z" };
  expect(runLabel({ eventName: "import", state: "running" })).toBe("import");
  expect(runLabel({ eventName: "import", state: "running", name: "7", progress })).toBe("import · 7 · 26 %");
  expect(runLabel({ eventName: "import", state: "succeeded", name: null, progress })).toBe("import");
});
