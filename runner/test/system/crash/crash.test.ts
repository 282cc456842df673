/** The short form of the crash suite; `main.ts` is the full one. */
import { describe, it } from "vitest";
import { crashTrial } from "./suite.ts";
import { faultsOf } from "./verdict.ts";

describe("control plane, runners and sidecars that are killed under load", () => {
  it("lose no acknowledged run and double none", async ({ expect }) => {
    const said: string[] = [];
    const report = await crashTrial({
      runs: 300,
      kills: 8,
      dockerRuns: 10,
      everyMs: 1_000,
      withinMs: 100_000,
      say: (line) => said.push(line),
    });

    expect(faultsOf(report), said.join("\n")).toEqual([]);
    expect(report.acknowledged).toBe(310);
    expect(report.kills.workerd + report.kills.runner + report.kills.sidecar).toBe(8);
    expect(Math.min(report.kills.workerd, report.kills.runner, report.kills.sidecar)).toBeGreaterThan(0);
  });
});
