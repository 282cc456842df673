/** Schedules of a world: which there are, and what must hold of their ledger (I12, I13, L5). */
import { CreateSchedule } from "@cronium/protocol";
import { createSchedule } from "../control-plane/src/objects/dispatcher/schedules/changes.ts";
import type { Shell } from "../control-plane/src/objects/dispatcher/shell.ts";
import { inTurn } from "../control-plane/src/objects/dispatcher/turns.ts";
import { Rng } from "./rng.ts";
import type { SimStorage } from "./storage.ts";
import { Violation } from "./violation.ts";

/** `event` by remainder; lengths in milliseconds. */
export interface SchedulePlan {
  readonly event: number;
  readonly everyMs: number;
  readonly endsAfterMs: number;
  readonly overlap: "skip" | "queue_one" | "allow" | "cancel_previous";
  readonly catchUp: { readonly mode: "none" | "latest" | "all"; readonly max: number; readonly windowMs: number };
}

/** Drawn apart from all else, which a seed decides as it did before there were any. */
export function planSchedules(seed: number, troubledMs: number): readonly SchedulePlan[] {
  const rng = new Rng(seed ^ 0x5c4ed);
  return Array.from({ length: rng.chance(0.4) ? rng.int(1, 2) : 0 }, () => ({
    event: rng.int(0, 4),
    everyMs: rng.pick([20_000, 45_000, 60_000]),
    endsAfterMs: rng.int(60_000, troubledMs),
    overlap: rng.pick(["skip", "queue_one", "allow", "cancel_previous"]),
    catchUp: {
      mode: rng.pick(["none", "latest", "all"]),
      max: rng.int(1, 3),
      windowMs: rng.pick([60_000, 3_600_000]),
    },
  }));
}

export function makeSchedules(
  shell: Shell,
  plans: readonly SchedulePlan[],
  eventIds: readonly string[],
  id: () => string,
): void {
  for (const [i, { event, everyMs, endsAfterMs, overlap, catchUp }] of plans.entries()) {
    const now = shell.deps.clock.now();
    const schedule = CreateSchedule.parse({
      eventId: eventIds[event % eventIds.length],
      name: `schedule ${i}`,
      timing: { kind: "interval", everyMs },
      startAt: new Date(now + 1_000).toISOString(),
      endAt: new Date(now + 1_000 + everyMs + endsAfterMs).toISOString(),
      overlap,
      catchUp,
    });
    const by = { actor: { kind: "system", id: "simulation" }, ip: null, requestId: "" } as const;
    const made = inTurn(shell, (turn) => createSchedule(shell, turn, { scheduleId: id(), schedule, by }));
    if (!made.ok) {
      throw new Error(made.message);
    }
  }
}

interface ScheduleRow {
  readonly id: string;
  readonly cursor: number;
  readonly next_fire: number | null;
  readonly definition: string;
}

interface OccurrenceRow {
  readonly schedule_id: string;
  readonly nominal_at: number;
  readonly decision: string;
  readonly run_id: string | null;
  readonly live: number;
}

/** Shares no rule with the engine: an interval is arithmetic. */
export class ScheduleWatch {
  private readonly cursors = new Map<string, number>();
  /** By schedule and nominal time: the runs that were seen of it, skipped ones apart. */
  private readonly runs = new Map<string, string>();
  private readonly decisions = new Map<string, string>();

  /** After each step that wrote something. `armed`: an alarm will come. */
  check(storage: SimStorage, armed: boolean): void {
    const schedules = storage.read(
      "SELECT id, cursor, next_fire, definition FROM schedules",
    ) as unknown as ScheduleRow[];
    if (schedules.length === 0) {
      return;
    }
    for (const { id, cursor, next_fire: nextFire } of schedules) {
      if (cursor < (this.cursors.get(id) ?? 0)) {
        throw new Violation("I12", `${id} was decided up to ${this.cursors.get(id)} and is now at ${cursor}`);
      }
      this.cursors.set(id, cursor);
      if (nextFire !== null && !armed) {
        throw new Violation("L5", `${id} is due at ${nextFire}, and no alarm is set`);
      }
    }
    const rows = storage.read(
      "SELECT schedule_id, nominal_at, decision, run_id, live FROM occurrences ORDER BY nominal_at",
    ) as unknown as OccurrenceRow[];
    this.checkRows(schedules, rows);
    const runs = storage.read(
      "SELECT id, origin FROM runs WHERE trigger = 'schedule' AND state <> 'skipped' AND origin IS NOT NULL",
    ) as unknown as { readonly id: string; readonly origin: string }[];
    for (const { id, origin } of runs) {
      const known = this.runs.get(origin);
      if (known !== undefined && known !== id) {
        throw new Violation("I12", `${origin} fired as ${known} and as ${id}`);
      }
      this.runs.set(origin, id);
    }
  }

  private checkRows(schedules: readonly ScheduleRow[], rows: readonly OccurrenceRow[]): void {
    const found = new Set<string>();
    for (const { schedule_id: id, nominal_at: at, decision, run_id: runId, live } of rows) {
      const key = `${id}@${at}`;
      found.add(key);
      const was = this.decisions.get(key);
      // What waits for the run before it may still be refused.
      if (was !== undefined && was !== decision && was !== "run held") {
        throw new Violation("I13", `${key} was decided as ${was} and is now ${decision}`);
      }
      this.decisions.set(key, live === 2 ? "run held" : decision);
      if (decision === "run" && runId === null && live !== 2) {
        throw new Violation("I13", `${key} is said to run, without a run`);
      }
    }
    for (const { id, cursor, definition } of schedules) {
      const { timing, startAt, endAt } = JSON.parse(definition) as {
        timing: { everyMs: number };
        startAt: string;
        endAt: string;
      };
      const last = Math.min(cursor, Date.parse(endAt));
      for (let at = Date.parse(startAt); at <= last; at += timing.everyMs) {
        if (!found.has(`${id}@${at}`)) {
          throw new Violation("I13", `${id} is decided up to ${cursor}, and ${at} has no row`);
        }
      }
    }
  }

  /** Once everything is healed: nothing is overdue, and every time of the past has its row. */
  checkLiveness(storage: SimStorage, now: number, armed: boolean): void {
    this.check(storage, armed);
    const schedules = storage.read(
      "SELECT id, cursor, next_fire, definition FROM schedules",
    ) as unknown as ScheduleRow[];
    for (const { id, next_fire: nextFire, definition } of schedules) {
      if (nextFire !== null && nextFire < now - 1_000) {
        throw new Violation("L5", `${id} has been due since ${nextFire}, and it is ${now}`);
      }
      const { endAt } = JSON.parse(definition) as { endAt: string };
      if (nextFire === null && Date.parse(endAt) > now) {
        throw new Violation("L5", `${id} ends at ${endAt}, and has no next time`);
      }
    }
    const held = storage.read("SELECT schedule_id, nominal_at FROM occurrences WHERE live > 1");
    if (held.length > 0) {
      throw new Violation("L1", `these times still wait for the run before them: ${JSON.stringify(held)}`);
    }
  }
}
