import { test } from "vitest";
import { simulateLog } from "./logs.ts";

test("I9 I21: a log arrives whole, once and without secrets, whatever breaks on its way", ({ expect }) => {
  for (let seed = 1; seed <= 200; seed += 1) {
    expect(simulateLog(seed), `seed ${seed}`).toBeNull();
  }
});
