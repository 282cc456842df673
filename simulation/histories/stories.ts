/** The stories whose conversations are kept as golden histories. Each is a plan with nothing left to chance. */
import type { Behaviour } from "../containers.ts";
import type { Action, EventPlan, Plan } from "../plan.ts";

const quiet: Behaviour = { minMs: 2_000, maxMs: 2_000, failShare: 0, oomShare: 0, startFailShare: 0, stubborn: false };

function event(behaviour: Partial<Behaviour> = {}, definition: Partial<EventPlan["definition"]> = {}): EventPlan {
  return {
    name: "story",
    behaviour: { ...quiet, ...behaviour },
    definition: {
      labels: {},
      onLost: "retry",
      maxAttempts: 5,
      scriptRetries: 0,
      timeoutMs: 3_600_000,
      ...definition,
    },
  };
}

function story(events: readonly EventPlan[], actions: readonly Action[], machines = 1, slots = 1): Plan {
  return {
    seed: 1,
    leaseMs: 90_000,
    machines: Array.from({ length: machines }, () => ({ labels: {}, slots })),
    events,
    actions,
  };
}

const trigger = (at: number): Action => ({ at, kind: "trigger", what: 0, key: null, times: 1 });

export const stories: Readonly<Record<string, Plan>> = {
  success: story([event()], [trigger(2_000)]),
  retry: story([event({ failShare: 1 }, { scriptRetries: 1 })], [trigger(2_000)]),
  cancel: story([event({ minMs: 60_000, maxMs: 60_000 })], [trigger(2_000), { at: 8_000, kind: "cancel", what: 0 }]),
  "restart-adopt": story(
    [event({ minMs: 60_000, maxMs: 60_000 })],
    [trigger(2_000), { at: 8_000, kind: "kill", who: 0, backAfterMs: 5_000 }],
  ),
  "lost-adopt": story(
    [event({ minMs: 300_000, maxMs: 300_000 }, { onLost: "wait" })],
    [trigger(2_000), { at: 8_000, kind: "kill", who: 0, backAfterMs: 150_000 }],
  ),
  "restart-kill": story(
    [event({ minMs: 300_000, maxMs: 300_000 })],
    [trigger(2_000), { at: 8_000, kind: "kill", who: 1, backAfterMs: 150_000 }],
    2,
  ),
  // It drains while it cannot say so, and the next job comes its way.
  decline: story(
    [event({ minMs: 20_000, maxMs: 20_000 })],
    [
      trigger(2_000),
      { at: 8_000, kind: "hole", who: 0, direction: "up", ms: 3_000 },
      { at: 8_100, kind: "drain", who: 0, backAfterMs: 3_600_000 },
      trigger(8_200),
    ],
    1,
    2,
  ),
  drain: story(
    [event({ minMs: 20_000, maxMs: 20_000 })],
    [trigger(2_000), { at: 8_000, kind: "drain", who: 0, backAfterMs: 3_600_000 }, trigger(9_000)],
  ),
  reconnect: story([event({ minMs: 30_000, maxMs: 30_000 })], [trigger(2_000), { at: 8_000, kind: "break", who: 0 }]),
};

/** How long a story is told, in virtual milliseconds. */
export const STORY_MS = 600_000;
