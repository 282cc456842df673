/**
 * Plans that once broke a guarantee, as small as they could be made. Whole plans, not seeds: what a seed means changes
 * with `plan.ts`. To add one, paste what `main.ts` printed, with a name that says what was wrong.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EVENTS, type Plan } from "./plan.ts";

export interface PastFailure {
  readonly name: string;
  /** The guarantee that did not hold. */
  readonly id: string;
  readonly plan: Plan;
}

type Stored = Omit<Plan, "events"> & Omit<PastFailure, "plan">;

const stored = JSON.parse(readFileSync(join(import.meta.dirname, "corpus.json"), "utf8")) as readonly Stored[];

export const corpus: readonly PastFailure[] = stored.map(({ name, id, ...plan }) => ({
  name,
  id,
  plan: { ...plan, events: EVENTS },
}));
