/** The part of the Dispatcher that is called about schedules; `dispatcher.ts` is the object itself. */
import { DurableObject } from "cloudflare:workers";
import { makeDeps, type Env } from "../../../deps.ts";
import type { DispatcherApi } from "../../../domain/dispatcher.ts";
import type { Shell } from "../shell.ts";
import { openShell } from "../start.ts";
import { inTurn } from "../turns.ts";
import { readBackfill, startBackfill } from "./backfill.ts";
import { createSchedule, deleteSchedule, pauseSchedule, resumeSchedule, updateSchedule } from "./changes.ts";
import { listOccurrences, readLateness, whyFacts } from "./occurrences.ts";
import { readSchedule, readSchedules, viewSchedule } from "./rows.ts";

export abstract class ScheduledObject extends DurableObject<Env> {
  /** A field, which no caller of the object can reach. */
  protected readonly shell: Shell;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.shell = openShell(ctx, makeDeps(env));
  }

  async createSchedule(
    command: Parameters<DispatcherApi["createSchedule"]>[0],
  ): ReturnType<DispatcherApi["createSchedule"]> {
    return inTurn(this.shell, (turn) => createSchedule(this.shell, turn, command));
  }

  async updateSchedule(
    command: Parameters<DispatcherApi["updateSchedule"]>[0],
  ): ReturnType<DispatcherApi["updateSchedule"]> {
    return inTurn(this.shell, (turn) => updateSchedule(this.shell, turn, command));
  }

  async deleteSchedule(
    command: Parameters<DispatcherApi["deleteSchedule"]>[0],
  ): ReturnType<DispatcherApi["deleteSchedule"]> {
    return inTurn(this.shell, (turn) => deleteSchedule(this.shell, turn, command));
  }

  async pauseSchedule(
    command: Parameters<DispatcherApi["pauseSchedule"]>[0],
  ): ReturnType<DispatcherApi["pauseSchedule"]> {
    return inTurn(this.shell, (turn) => pauseSchedule(this.shell, turn, command));
  }

  async resumeSchedule(
    command: Parameters<DispatcherApi["resumeSchedule"]>[0],
  ): ReturnType<DispatcherApi["resumeSchedule"]> {
    return inTurn(this.shell, (turn) => resumeSchedule(this.shell, turn, command));
  }

  async getSchedule(scheduleId: string): ReturnType<DispatcherApi["getSchedule"]> {
    const record = readSchedule(this.shell, scheduleId);
    return record === null ? null : viewSchedule(this.shell, record);
  }

  async listSchedules(page: Parameters<DispatcherApi["listSchedules"]>[0]): ReturnType<DispatcherApi["listSchedules"]> {
    return readSchedules(this.shell, page).map((record) => viewSchedule(this.shell, record));
  }

  async listOccurrences(
    ask: Parameters<DispatcherApi["listOccurrences"]>[0],
  ): ReturnType<DispatcherApi["listOccurrences"]> {
    return listOccurrences(this.shell, ask);
  }

  async lateness(scheduleId: string | null): ReturnType<DispatcherApi["lateness"]> {
    return readLateness(this.shell, scheduleId);
  }

  async whyFacts(ask: Parameters<DispatcherApi["whyFacts"]>[0]): ReturnType<DispatcherApi["whyFacts"]> {
    return whyFacts(this.shell, ask);
  }

  async startBackfill(
    command: Parameters<DispatcherApi["startBackfill"]>[0],
  ): ReturnType<DispatcherApi["startBackfill"]> {
    return inTurn(this.shell, (turn) => startBackfill(this.shell, turn, command));
  }

  async getBackfill(backfillId: string): ReturnType<DispatcherApi["getBackfill"]> {
    return readBackfill(this.shell, backfillId);
  }
}
