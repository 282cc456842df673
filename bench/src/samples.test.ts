import { describe, it } from "vitest";
import { meetsGoal, passes, type Report } from "./report.ts";
import { figuresOf, median } from "./samples.ts";

describe("figures", () => {
  it("are values that were seen, by nearest rank", ({ expect }) => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(figuresOf(values)).toEqual({ samples: 100, p50: 50, p95: 95, p99: 99, mean: 50.5 });
  });

  it("refuse to speak without samples", ({ expect }) => {
    expect(() => figuresOf([])).toThrow("no samples");
  });

  it("take the mean of the middle two for a median of an even count", ({ expect }) => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([3, 1, 2])).toBe(2);
  });
});

describe("a report", () => {
  const report = (ratio: number, lost: number): Report => ({
    name: "x",
    at: "2026-01-01T00:00:00.000Z",
    machine: { cpu: "", cores: 1, memoryMb: 1, kernel: "", load: 0, node: "", docker: "", workerd: "" },
    rounds: 5,
    cases: [
      {
        case: "c",
        unit: "ms",
        ours: figuresOf([ratio]),
        reference: { name: "r", version: "1", ...figuresOf([1]) },
        ratio,
        goal: "<= 1.25",
        pass: meetsGoal(ratio, "<= 1.25"),
      },
    ],
    gates: { lost, duplicated: 0, reordered: 0 },
    notes: [],
  });

  it("passes on its bound and fails beyond it", ({ expect }) => {
    expect(passes(report(1.25, 0))).toBe(true);
    expect(passes(report(1.26, 0))).toBe(false);
    expect(meetsGoal(0.5, ">= 0.5")).toBe(true);
    expect(meetsGoal(0.49, ">= 0.5")).toBe(false);
  });

  it("fails on a single lost job, however fast", ({ expect }) => {
    expect(passes(report(0.1, 1))).toBe(false);
  });
});
