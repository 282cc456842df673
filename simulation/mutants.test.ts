import { describe, test } from "vitest";
import { mutants, simulateMutant } from "./mutate.ts";

/** The slowest to be caught needs about a hundred. */
const SEEDS = 400;

describe("the checker is checked", () => {
  test("by all mutants of parts that exist", ({ expect }) => {
    expect(mutants).toHaveLength(15);
  });

  test.for(mutants)("%s still applies, and is caught", async (mutant, { expect }) => {
    expect(await simulateMutant(mutant, SEEDS)).not.toBeNull();
  });
});
