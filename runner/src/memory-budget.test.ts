import { describe, test } from "vitest";
import { ManualClock } from "../test/manual-clock.ts";
import { MemoryBudget } from "./memory-budget.ts";

function setUp(budgetMb: number | null) {
  const clock = new ManualClock();
  const machine = { usedMb: 0, told: 0 };
  const budget = new MemoryBudget({
    budgetMb,
    usedMb: () => machine.usedMb,
    clock,
    roomAgain: () => {
      machine.told += 1;
    },
  });
  return { clock, machine, budget };
}

describe("the memory of a machine", () => {
  test("holds jobs up to its budget, and a larger one only alone", ({ expect }) => {
    const { machine, budget } = setUp(1_000);
    expect([budget.fits(1_000), budget.fits(4_000)]).toEqual([true, true]);
    machine.usedMb = 600;
    expect([budget.fits(400), budget.fits(401), budget.fits(4_000)]).toEqual([true, false, false]);
  });

  test("is not looked at where no budget is set", ({ expect }) => {
    const { machine, budget } = setUp(null);
    machine.usedMb = 1_000_000;
    expect(budget.fits(64_000)).toBe(true);
  });

  test("says once when a declined job would fit", ({ expect }) => {
    const { clock, machine, budget } = setUp(1_000);
    machine.usedMb = 900;
    budget.declined(500);
    clock.advance(1_000);
    expect([machine.told, budget.short]).toEqual([0, true]);
    machine.usedMb = 500;
    clock.advance(1_000);
    expect([machine.told, budget.short]).toEqual([1, false]);
  });

  test("stops looking when the control plane offers again by itself", ({ expect }) => {
    const { clock, machine, budget } = setUp(1_000);
    machine.usedMb = 900;
    budget.declined(500);
    clock.advance(5_100);
    expect([machine.told, budget.short]).toEqual([0, false]);
  });
});
