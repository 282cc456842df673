import { describe, test } from "vitest";
import { startByNpx } from "./npx-runner.ts";

describe("the packed runner", () => {
  test("T25 comes online by npx in an empty folder, and leaves in good order", async ({ expect }) => {
    const { output } = await startByNpx(["--executor", "fake"]);

    expect(output).toContain("runner.started");
    expect(output).not.toContain("npm warn");
  });
});
