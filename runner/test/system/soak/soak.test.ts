/** The short form; `main.ts` is the full one, over 2,000 jobs. */
import { describe, it } from "vitest";
import { growthOf, soakTrial } from "./trial.ts";

describe("jobs in a row through one runner", () => {
  it("leave no container, socket, file or memory behind, in containers of their own and in shared ones", async ({
    expect,
  }) => {
    const said: string[] = [];
    const report = await soakTrial({
      jobs: 60,
      capacity: 4,
      warm: 2,
      script: 'echo hi; cronium_output "$(cronium_input)"',
      withReuse: true,
      withinMs: 120_000,
      say: (line) => said.push(line),
    });

    // So few jobs say little about memory, which grows until its collector first runs.
    expect(growthOf(report, 2), said.join("\n")).toEqual([]);
  });

  it("all succeed when 120 are there at once", async ({ expect }) => {
    const report = await soakTrial({
      jobs: 120,
      capacity: 120,
      warm: 0,
      script: "sleep 5",
      withReuse: false,
      atOnce: true,
      withinMs: 240_000,
      say: () => {},
    });

    expect(report.failed).toEqual([]);
    expect(report.left).toEqual([]);
  });
});
