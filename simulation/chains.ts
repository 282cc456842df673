/** Chains of a world: which events start others, and what must hold of it: each end has one outcome for each chain (I22). */
import type { ChainEnd } from "@cronium/protocol/chain-tables";
import { isTerminal, type RunState } from "@cronium/protocol/run-states";
import { Rng } from "./rng.ts";
import type { SimStorage } from "./storage.ts";
import { Violation } from "./violation.ts";

/** `to` is an event before `from`, so that no circle can come about. */
export interface ChainPlan {
  readonly from: number;
  readonly to: number;
  readonly on: ChainEnd;
  readonly mapping: string | null;
}

/** Drawn apart from all else, which a seed decides as it did before there were any. */
export function planChains(seed: number, events: number): readonly ChainPlan[] {
  const rng = new Rng(seed ^ 0xc4a15);
  return Array.from({ length: rng.chance(0.5) ? rng.int(1, 4) : 0 }, () => {
    const from = rng.int(1, events - 1);
    return {
      from,
      to: rng.int(0, from - 1),
      on: rng.pick(["success", "failure", "timeout", "any"]),
      // The last one fails for every run.
      mapping: rng.pick([null, '{"after": run.id}', "$sum(run.state)"]),
    };
  });
}

export function chainsOf(
  plans: readonly ChainPlan[],
  event: number,
  eventIds: readonly string[],
): { readonly eventId: string; readonly on: ChainEnd; readonly mapping: string | null }[] {
  return plans
    .filter(({ from }) => from === event)
    .map(({ to, on, mapping }) => ({ eventId: eventIds[to] ?? "", on, mapping }));
}

interface Entry {
  readonly requeues: number;
  readonly n: number;
  readonly on: string;
  readonly eventId: string;
  readonly state: string;
  readonly runId: string | null;
}

/** Shares no rule with the engine: which end is which is written down once more. */
const ENDS: Readonly<Partial<Record<RunState, string>>> = {
  succeeded: "success",
  failed: "failure",
  expired: "failure",
  timed_out: "timeout",
  cancelled: "any",
};

/** Whether an ended run is as it was but for what it has started, which is decided behind its end. */
export function differsByChains(old: object, run: object): boolean {
  const rest = { rev: 0, chained: null };
  return JSON.stringify({ ...old, ...rest }) === JSON.stringify({ ...run, ...rest });
}

export class ChainWatch {
  private readonly plans: readonly ChainPlan[];
  private readonly eventIds: () => readonly string[];
  /** Decisions that were seen, by run, end and chain. */
  private readonly decided = new Map<string, string>();

  constructor(plans: readonly ChainPlan[], eventIds: () => readonly string[]) {
    this.plans = plans;
    this.eventIds = eventIds;
  }

  /** After each step that wrote something. `armed`: an alarm will come. */
  check(storage: SimStorage, armed: boolean): void {
    if (this.plans.length === 0) {
      return;
    }
    const rows = storage.read("SELECT id, event_id, state, requeues, chained FROM runs");
    const due = new Set(
      storage
        .read("SELECT run_id, requeues, n FROM chain_starts")
        .map((row) => `${row["run_id"]} ${row["requeues"]} ${row["n"]}`),
    );
    if (due.size > 0 && !armed) {
      throw new Violation("L5", `${[...due].join(", ")} is to be started, and no alarm is set`);
    }
    const claimed = new Set<string>();
    const known = new Set<string>();
    for (const row of rows) {
      const id = String(row["id"]);
      known.add(id);
      const entries = JSON.parse(String(row["chained"] ?? "[]")) as Entry[];
      this.checkEnd(id, row, entries);
      for (const entry of entries) {
        this.checkEntry(id, entry, due);
        if (entry.runId !== null) {
          claimed.add(entry.runId);
        }
      }
    }
    if (due.size > 0) {
      throw new Violation("I22", `${[...due].join(", ")} is to be started, and no run says so`);
    }
    this.checkStarted(storage, claimed, known);
  }

  /** Written in the commit of the end: one outcome for each chain that follows it, and none for another. */
  private checkEnd(id: string, row: ReturnType<SimStorage["read"]>[number], entries: readonly Entry[]): void {
    const state = row["state"] as RunState;
    if (!isTerminal(state) || state === "skipped") {
      return;
    }
    const event = this.eventIds().indexOf(String(row["event_id"]));
    const wanted = chainsOf(this.plans, event, this.eventIds())
      .map(({ on }, n) => ({ on, n }))
      .filter(({ on }) => on === "any" || on === ENDS[state])
      .map(({ n }) => n);
    const found = entries.filter(({ requeues }) => requeues === row["requeues"]).map(({ n }) => n);
    if (JSON.stringify(found.toSorted((a, b) => a - b)) !== JSON.stringify(wanted)) {
      throw new Violation(
        "I22",
        `${id} is ${state} and has outcomes of its chains ${found.join()}, not of ${wanted.join()}`,
      );
    }
  }

  private checkEntry(id: string, { requeues, n, state, runId }: Entry, due: Set<string>): void {
    const key = `${id} ${requeues} ${n}`;
    const is = `${state} ${runId}`;
    const was = this.decided.get(key);
    if (state === "pending" ? was !== undefined : was !== undefined && was !== is) {
      throw new Violation("I22", `${key} was ${was} and is now ${is}`);
    }
    if (state === "pending") {
      if (!due.delete(key)) {
        throw new Violation("I22", `${key} is pending, and nothing will start it`);
      }
      return;
    }
    this.decided.set(key, is);
    if ((state === "started") !== (runId !== null)) {
      throw new Violation("I22", `${key} is ${state} with the run ${runId}`);
    }
  }

  /** No run comes of a chain but the one that the run before it names. */
  private checkStarted(storage: SimStorage, claimed: ReadonlySet<string>, known: ReadonlySet<string>): void {
    for (const { id, origin } of storage.read("SELECT id, origin FROM runs WHERE trigger = 'event'")) {
      const { runId: before } = JSON.parse(String(origin)) as { readonly runId: string };
      if (known.has(before) && !claimed.has(String(id))) {
        throw new Violation("I22", `${id} was started by ${before}, which does not say so`);
      }
    }
  }

  /** Once everything is healed. */
  checkLiveness(storage: SimStorage): void {
    const due = storage.read("SELECT run_id, n FROM chain_starts");
    if (due.length > 0) {
      throw new Violation("L5", `still to be started: ${JSON.stringify(due)}`);
    }
  }
}
