/** A workspace's Dispatcher in virtual time: its own modules on its own storage, far in the future, so that its real alarm stays silent. */
import { env, runInDurableObject } from "cloudflare:test";
import { CreateSchedule, type Occurrence, type RunState, type Schedule } from "@cronium/protocol";
import { makeId } from "@cronium/protocol/ids";
import { makeDeps, type Deps, type Env } from "../../src/deps.ts";
import { systemStamp } from "../../src/domain/act.ts";
import type { Outcome } from "../../src/domain/dispatcher.ts";
import { onAlarm } from "../../src/objects/dispatcher/alarm.ts";
import { readRun, readState } from "../../src/objects/dispatcher/run-rows.ts";
import { saveStep } from "../../src/objects/dispatcher/runs.ts";
import { createSchedule } from "../../src/objects/dispatcher/schedules/changes.ts";
import { backfillDueAt } from "../../src/objects/dispatcher/schedules/backfill.ts";
import { scheduleDueAt } from "../../src/objects/dispatcher/schedules/rows.ts";
import { listOccurrences } from "../../src/objects/dispatcher/schedules/occurrences.ts";
import type { Shell, Turn } from "../../src/objects/dispatcher/shell.ts";
import { openShell } from "../../src/objects/dispatcher/start.ts";
import { inTurn } from "../../src/objects/dispatcher/turns.ts";
import type { Plane } from "../engine/plane.ts";

export const by = systemStamp("test");

export interface VirtualTime {
  readonly shell: Shell;
  now(): number;
  /** `2030-01-01T10:00:00Z`; no alarm rings on the way. */
  jump(to: string): void;
  /** To then, with an alarm whenever something of schedules is due; fails where none is set for that. */
  pass(to: string): void;
  alarm(): void;
  turn<T>(decide: (turn: Turn) => T): T;
  schedule(fields: object): Schedule;
  /** Oldest first. */
  ledger(scheduleId: string): Occurrence[];
  /** `10:01 run due`, oldest first. */
  told(scheduleId: string): string[];
  /** Ends a run as if its runner had said so. */
  end(runId: string, state: RunState): void;
  runs(): number;
}

export const START = "2030-01-01T10:00:00Z";

export function inVirtualTime(
  plane: Plane,
  eventId: string,
  work: (world: VirtualTime) => void,
  change: Partial<Deps> = {},
): Promise<void> {
  return runInDurableObject(plane.dispatcherStub, (_, state) => {
    let now = Date.parse(START);
    const deps = { ...makeDeps(env as unknown as Env), clock: { now: () => now }, ...change };
    const shell = openShell(state, deps);
    // The real instance has set it for things of its own.
    shell.alarmAt = null;
    const world: VirtualTime = {
      shell,
      now: () => now,
      jump: (to) => {
        now = Date.parse(to);
      },
      pass: (to) => {
        const until = Date.parse(to);
        const due = (): number => Math.min(scheduleDueAt(shell), backfillDueAt(shell));
        for (let alarms = 0; due() <= until; alarms += 1) {
          if (alarms > 5_000) {
            throw new Error(`the alarm does not come to rest at ${new Date(now).toISOString()}`);
          }
          if (shell.alarmAt === null || shell.alarmAt > Math.max(due(), now + 10)) {
            throw new Error(`no alarm is set for what is due at ${new Date(due()).toISOString()}`);
          }
          now = Math.max(now, due());
          onAlarm(shell);
        }
        now = until;
      },
      alarm: () => onAlarm(shell),
      turn: (decide) => inTurn(shell, decide),
      schedule: (fields) => {
        const schedule = CreateSchedule.parse({ eventId, timing: { kind: "cron", pattern: "* * * * *" }, ...fields });
        const scheduleId = makeId("schedule", now, crypto.getRandomValues(new Uint8Array(10)));
        return valueOf(inTurn(shell, (turn) => createSchedule(shell, turn, { scheduleId, schedule, by })));
      },
      ledger: (scheduleId) => listOccurrences(shell, { scheduleId, before: null, limit: 10_000 }).toReversed(),
      told: (scheduleId) =>
        world.ledger(scheduleId).map((one) => `${one.nominalAt.slice(11, 16)} ${one.decision} ${one.reason}`),
      end: (runId, state) => {
        inTurn(shell, (turn) => {
          const before = readState(shell, runId);
          if (before === null) {
            throw new Error(`no run ${runId}`);
          }
          const run = { ...before.run, state, finishedAt: now, startedAt: now, notBefore: 0, rev: before.run.rev + 1 };
          saveStep(shell, turn, before, { run, attempt: before.attempt, reply: { kind: "none" } });
        });
      },
      runs: () => shell.sql.exec("SELECT count(*) AS n FROM runs WHERE trigger = 'schedule'").one()["n"] as number,
    };
    work(world);
    // What the real instance would find overdue in some years is none of the next test's.
    state.storage.sql.exec("UPDATE schedules SET next_fire = NULL");
    state.storage.sql.exec("UPDATE backfills SET due_at = NULL");
  });
}

export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) {
    throw new Error(`${outcome.code}: ${outcome.message}`);
  }
  return outcome.value;
}

export function mustRun(world: VirtualTime, runId: string | null | undefined): NonNullable<ReturnType<typeof readRun>> {
  const run = readRun(world.shell, runId ?? "");
  if (run === null) {
    throw new Error(`no run ${runId}`);
  }
  return run;
}
