import { test } from "vitest";
import { floodFaults, floodTrial } from "./flood-trial.ts";

const BYTES = 1_000_000_000;

test("F25 T5: 1 GB from one job is read to its end, kept up to its limit and marked, and the built runner stays small and alive", async ({
  expect,
}) => {
  const report = await floodTrial(BYTES, 110_000);
  expect(floodFaults(report, BYTES), JSON.stringify(report)).toEqual([]);
});
