/** Runs a plan: troubles, healing, and the judgement at the end. */
import { heal, schedule } from "./actions.ts";
import { checkLiveness, isQuiet } from "./liveness.ts";
import { makePlan, TROUBLED_MS, type Plan } from "./plan.ts";
import { install } from "./platform.ts";
import type { Violation } from "./violation.ts";
import { World } from "./world.ts";

/** Healing takes this long at least; longer where back-offs and leases need it, up to the second. */
const HEALED_MS = 600_000;
const HEALED_AT_MOST_MS = 7_200_000;

export interface Report {
  readonly seed: number;
  readonly violation: Violation | null;
  /** Of everything that happened, in order. */
  readonly digest: string;
  readonly steps: number;
  readonly runs: number;
  readonly trace: readonly string[];
}

export async function simulate(plan: Plan, options: { readonly keepTrace: boolean }): Promise<Report> {
  let world: World | null = null;
  const uninstall = install({
    wait: (ms) => (world === null ? Promise.reject(new Error("There is no world yet.")) : world.wait(ms)),
  });
  try {
    world = new World(plan, options);
    world.begin();
    schedule(world);
    await world.run(TROUBLED_MS);
    heal(world);
    const healedAt = world.timeline.now;
    await world.run(healedAt + HEALED_MS);
    while (world.violation === null && !isQuiet(world) && world.timeline.now < healedAt + HEALED_AT_MOST_MS) {
      await world.run(world.timeline.now + HEALED_MS);
    }
    if (world.violation === null) {
      const last = world;
      last.guard(() => checkLiveness(last));
    }
    const { violation, steps, trace, runIds } = world;
    return { seed: plan.seed, violation, digest: world.digest(), steps, runs: runIds.length, trace };
  } finally {
    uninstall();
  }
}

export function simulateSeed(seed: number, options = { keepTrace: false }): Promise<Report> {
  return simulate(makePlan(seed), options);
}
