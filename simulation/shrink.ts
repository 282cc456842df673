/** Makes a failing plan smaller: leaves out actions, ever fewer at a time, while the same guarantee still breaks. */
import type { Plan } from "./plan.ts";
import { simulate, type Report } from "./simulate.ts";

export interface Shrunk {
  readonly plan: Plan;
  /** Of the smallest plan, with its trace. */
  readonly report: Report;
}

export async function shrink(plan: Plan, id: string): Promise<Shrunk> {
  const fails = async (candidate: Plan): Promise<boolean> =>
    (await simulate(candidate, { keepTrace: false })).violation?.id === id;
  let best = plan;
  for (let size = Math.ceil(plan.actions.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best.actions.length;) {
      const actions = best.actions.toSpliced(from, size);
      if (await fails({ ...best, actions })) {
        best = { ...best, actions };
      } else {
        from += size;
      }
    }
  }
  return { plan: best, report: await simulate(best, { keepTrace: true }) };
}
