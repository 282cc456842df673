/** The short form; `main.ts` is the full one, over 200,000 runs. */
import { describe, it } from "vitest";
import { growthOf, housekeepingTrial } from "./trial.ts";

describe("a control plane through which thousands of runs pass", () => {
  it("keeps none of them in the Dispatcher once they have served their time, and all of them in its lists", async ({
    expect,
  }) => {
    const said: string[] = [];
    const report = await housekeepingTrial({
      runs: 4_000,
      keepMs: 500,
      samples: 8,
      withinMs: 90_000,
      say: (line) => said.push(line),
    });

    // So few runs say nothing about memory, which grows until its collector first runs.
    expect(growthOf(report, 3), said.join("\n")).toEqual([]);
    expect(report.end.listed).toBe(4_000);
    expect(report.end.rows["event_versions"]).toBe(1);
  });
});
