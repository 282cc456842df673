/**
 * What a seed decides beforehand: the fleet, the events, and every fault and request with its instant. A plan is plain
 * data, so that a failing one can be made smaller step by step and printed.
 */
import type { EventDefinition } from "@cronium/protocol";
import { planChains, type ChainPlan } from "./chains.ts";
import type { Behaviour } from "./containers.ts";
import type { D1Mode } from "./d1.ts";
import { Rng } from "./rng.ts";
import { planSchedules, type SchedulePlan } from "./schedules.ts";

/** `at` and all lengths in milliseconds; `who` picks a machine and `what` a run, an event or a frame, by remainder. */
export type Action = { readonly at: number } & (
  | { readonly kind: "trigger"; readonly what: number; readonly key: number | null; readonly times: number }
  | { readonly kind: "retrigger"; readonly what: number }
  | { readonly kind: "cancel"; readonly what: number }
  | { readonly kind: "requeue"; readonly what: number; readonly key: number | null; readonly times: number }
  | { readonly kind: "hole"; readonly who: number; readonly direction: "up" | "down" | "both"; readonly ms: number }
  | {
      readonly kind: "noise";
      readonly who: number;
      readonly direction: "up" | "down";
      readonly loss: number;
      readonly repeat: number;
      readonly disorder: number;
      readonly lateMs: number;
      readonly ms: number;
    }
  | { readonly kind: "break"; readonly who: number }
  | { readonly kind: "crash"; readonly downMs: number }
  | { readonly kind: "evict" }
  | { readonly kind: "fuse"; readonly left: number; readonly how: "crash" | "error" }
  | { readonly kind: "alarm_again" }
  | { readonly kind: "alarm_late"; readonly lateMs: number; readonly ms: number }
  | { readonly kind: "kill"; readonly who: number; readonly backAfterMs: number }
  | { readonly kind: "pause"; readonly who: number; readonly ms: number }
  | { readonly kind: "drain"; readonly who: number; readonly backAfterMs: number }
  | { readonly kind: "revoke"; readonly who: number }
  | { readonly kind: "server_clock"; readonly byMs: number }
  | { readonly kind: "runner_clock"; readonly who: number; readonly byMs: number }
  | { readonly kind: "d1"; readonly mode: D1Mode; readonly ms: number }
  | { readonly kind: "rooms_fail"; readonly ms: number }
  | { readonly kind: "replay"; readonly from: number; readonly by: number; readonly what: number }
  | { readonly kind: "container_dies"; readonly who: number; readonly what: number }
);

export interface MachinePlan {
  readonly labels: Readonly<Record<string, string>>;
  readonly slots: number;
}

export interface EventPlan {
  readonly name: string;
  readonly behaviour: Behaviour;
  readonly definition: Pick<EventDefinition, "labels" | "onLost" | "maxAttempts" | "scriptRetries" | "timeoutMs">;
}

export interface Plan {
  readonly seed: number;
  readonly leaseMs: number;
  readonly machines: readonly MachinePlan[];
  readonly events: readonly EventPlan[];
  /** None in plans from before there were any. */
  readonly schedules?: readonly SchedulePlan[];
  /** Likewise. */
  readonly chains?: readonly ChainPlan[];
  readonly actions: readonly Action[];
}

/** Faults happen within this; after it everything is healed. */
export const TROUBLED_MS = 420_000;

const BEHAVIOUR: Behaviour = {
  minMs: 50,
  maxMs: 20_000,
  failShare: 0.1,
  oomShare: 0.02,
  startFailShare: 0.05,
  stubborn: false,
};

const DEFINITION: EventPlan["definition"] = {
  labels: {},
  onLost: "retry",
  maxAttempts: 5,
  scriptRetries: 0,
  timeoutMs: 3_600_000,
};

export const EVENTS: readonly EventPlan[] = [
  { name: "plain", behaviour: BEHAVIOUR, definition: DEFINITION },
  { name: "long", behaviour: { ...BEHAVIOUR, minMs: 60_000, maxMs: 400_000 }, definition: DEFINITION },
  {
    name: "once",
    behaviour: BEHAVIOUR,
    definition: { ...DEFINITION, onLost: "fail", maxAttempts: 1, scriptRetries: 3 },
  },
  { name: "patient", behaviour: { ...BEHAVIOUR, maxMs: 200_000 }, definition: { ...DEFINITION, onLost: "wait" } },
  {
    name: "flaky",
    behaviour: { ...BEHAVIOUR, failShare: 0.7, oomShare: 0.1 },
    definition: { ...DEFINITION, scriptRetries: 4, maxAttempts: 3 },
  },
  {
    name: "poison",
    behaviour: { ...BEHAVIOUR, startFailShare: 0.9 },
    definition: { ...DEFINITION, maxAttempts: 20, scriptRetries: 1 },
  },
  {
    name: "labelled",
    behaviour: { ...BEHAVIOUR, stubborn: true, maxMs: 60_000 },
    definition: { ...DEFINITION, labels: { gpu: "yes" }, timeoutMs: 30_000 },
  },
  { name: "nowhere", behaviour: BEHAVIOUR, definition: { ...DEFINITION, labels: { os: "plan9" } } },
];

/** The plan of a seed. The same seed gives the same plan for ever, as long as this file stays as it is. */
export function makePlan(seed: number): Plan {
  const rng = new Rng(seed);
  const machines = Array.from({ length: rng.int(2, 4) }, (_, i): MachinePlan => ({
    labels: i === 0 ? { gpu: "yes" } : {},
    slots: rng.int(1, 3),
  }));
  const actions: Action[] = [];
  const at = (): number => rng.int(0, TROUBLED_MS - 60_000);
  for (let n = rng.int(4, 9); n > 0; n -= 1) {
    const key = rng.chance(0.4) ? rng.int(0, 1_000) : null;
    const what = rng.int(0, rng.chance(0.85) ? EVENTS.length - 2 : EVENTS.length - 1);
    actions.push({ at: at(), kind: "trigger", what, key, times: rng.chance(0.2) ? rng.int(2, 3) : 1 });
  }
  const triggers = actions.map((action) => action.at);
  // A quarter of the seeds has one kind of fault only, often: mixtures hide what each does alone.
  const only = rng.chance(0.25) ? rng.int(0, FAULTS.length - 1) : null;
  for (let n = rng.int(0, 16); n > 0; n -= 1) {
    const make = only === null ? rng.pick(FAULTS) : FAULTS[only];
    if (make !== undefined) {
      // Most faults hit while something is going on: shortly before a trigger or within half a minute after it.
      const near = rng.pick(triggers) + rng.int(-500, rng.pick([200, 3_000, 30_000]));
      actions.push({ at: rng.chance(0.75) ? Math.max(0, near) : at(), ...make(rng) });
    }
  }
  if (rng.chance(0.15)) {
    actions.push(...drainUnheard(rng, at()));
  }
  actions.push(...requeues(seed));
  actions.sort((a, b) => a.at - b.at);
  return {
    seed,
    leaseMs: rng.pick([90_000, 120_000, 300_000]),
    machines,
    events: EVENTS,
    schedules: planSchedules(seed, TROUBLED_MS),
    chains: planChains(seed, EVENTS.length),
    actions,
  };
}

/** A runner drains while it cannot say so, and the next job comes its way. */
function drainUnheard(rng: Rng, at: number): Action[] {
  const target = rng.int(0, 11);
  return [
    { at, kind: "trigger", what: 1, key: null, times: 1 },
    { at: at + 3_000, kind: "hole", who: target, direction: "up", ms: rng.int(8_000, 40_000) },
    { at: at + 3_500, kind: "drain", who: target, backAfterMs: rng.int(1_000, 60_000) },
    { at: at + 4_000, kind: "trigger", what: 0, key: null, times: 1 },
  ];
}

/**
 * People look after dead letters, with keys that may repeat. Drawn apart from all else, which a seed decides as it did
 * before there were any.
 */
function requeues(seed: number): Action[] {
  const rng = new Rng(seed ^ 0x0dead1e7);
  return Array.from({ length: rng.int(0, 5) }, () => ({
    at: rng.int(20_000, TROUBLED_MS),
    kind: "requeue",
    what: what(rng),
    key: rng.chance(0.4) ? rng.int(0, 3) : null,
    times: rng.chance(0.3) ? rng.int(2, 3) : 1,
  }));
}

type Fault = Action extends infer A ? (A extends { readonly at: number } ? Omit<A, "at"> : never) : never;

const who = (rng: Rng): number => rng.int(0, 11);
const what = (rng: Rng): number => rng.int(0, 9_999);

const FAULTS: readonly ((rng: Rng) => Fault)[] = [
  (rng) => ({ kind: "retrigger", what: what(rng) }),
  (rng) => ({ kind: "cancel", what: what(rng) }),
  (rng) => ({ kind: "cancel", what: what(rng) }),
  (rng) => ({ kind: "hole", who: who(rng), direction: rng.pick(["up", "down", "both"]), ms: rng.int(5_000, 600_000) }),
  (rng) => ({ kind: "hole", who: who(rng), direction: "both", ms: rng.int(5_000, 60_000) }),
  (rng) => ({
    kind: "noise",
    who: who(rng),
    direction: rng.pick(["up", "down"]),
    loss: rng.pick([0, 0.1, 0.4]),
    repeat: rng.pick([0, 0.3]),
    disorder: rng.pick([0, 0.3]),
    lateMs: rng.pick([100, 5_000, 600_000]),
    ms: rng.int(10_000, 300_000),
  }),
  (rng) => ({ kind: "break", who: who(rng) }),
  (rng) => ({ kind: "crash", downMs: rng.pick([0, 0, 5_000, 60_000, 400_000]) }),
  () => ({ kind: "evict" }),
  (rng) => ({ kind: "fuse", left: rng.int(0, 6), how: rng.pick(["crash", "crash", "error"]) }),
  (rng) => ({ kind: "fuse", left: rng.int(0, 2), how: "crash" }),
  () => ({ kind: "alarm_again" }),
  (rng) => ({ kind: "alarm_late", lateMs: rng.int(1_000, 200_000), ms: rng.int(10_000, 300_000) }),
  (rng) => ({ kind: "kill", who: who(rng), backAfterMs: rng.int(100, 500_000) }),
  (rng) => ({ kind: "kill", who: who(rng), backAfterMs: rng.int(100, 5_000) }),
  (rng) => ({ kind: "pause", who: who(rng), ms: rng.int(1_000, 600_000) }),
  (rng) => ({ kind: "drain", who: who(rng), backAfterMs: rng.int(1_000, 300_000) }),
  (rng) => ({ kind: "revoke", who: who(rng) }),
  (rng) => ({ kind: "server_clock", byMs: rng.pick([-10_000, 600_000]) }),
  (rng) => ({ kind: "runner_clock", who: who(rng), byMs: rng.pick([-86_400_000, 86_400_000, -10_000, 600_000]) }),
  (rng) => ({ kind: "d1", mode: rng.pick(["fails", "unknown", "slow"]), ms: rng.int(5_000, 300_000) }),
  (rng) => ({ kind: "rooms_fail", ms: rng.int(5_000, 300_000) }),
  (rng) => ({ kind: "replay", from: who(rng), by: who(rng), what: what(rng) }),
  (rng) => ({ kind: "replay", from: who(rng), by: who(rng), what: what(rng) }),
  (rng) => ({ kind: "container_dies", who: who(rng), what: what(rng) }),
];
