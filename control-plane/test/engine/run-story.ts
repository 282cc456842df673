/** A run driven command by command as the Dispatcher drives it, without a Dispatcher: for tests of the pure rules. */
import type { EventDefinition, JobResult } from "@cronium/protocol";
import { newRun, type AttemptRecord, type RunRecord } from "../../src/domain/run.ts";
import { decide, withRev, type Command } from "../../src/domain/run-machine.ts";
import { offer } from "../../src/domain/run-offer.ts";
import type { Circumstances, Holder, RunState, Step } from "../../src/domain/run-step.ts";

const definition: EventDefinition = {
  kind: "script",
  runtime: "bash",
  script: "true",
  timeoutMs: 60_000,
  memoryMb: 64,
  labels: {},
  env: {},
  mounts: [],
  scriptRetries: 0,
  maxAttempts: 5,
  secrets: [],
  secretEnv: [],
  onLost: "retry",
};
export const a: Holder = { runnerId: "rnr_a", epoch: "1" };
export const aRestarted: Holder = { runnerId: "rnr_a", epoch: "2" };
export const b: Holder = { runnerId: "rnr_b", epoch: "9" };
export const ok: JobResult = {
  outcome: "succeeded",
  failReason: null,
  message: null,
  exitCode: 0,
  signal: null,
  output: 7,
  durationMs: 1,
};
export const exit3: JobResult = { ...ok, outcome: "failed", exitCode: 3, output: null };
export const pullFailed: JobResult = {
  ...exit3,
  failReason: "image_pull",
  exitCode: null,
  message: "No such image.",
  durationMs: null,
};
export const log = { logBytes: 10, logState: "complete" } as const;
const at = (now: number): Circumstances => ({ now, random: 0.5, leaseMs: 300_000 });

/** A run with the attempts it has had, driven command by command like the Dispatcher does. */
export class Story {
  run: RunRecord;
  readonly attempts = new Map<number, AttemptRecord>();
  now = 1_000;
  last: Step | undefined;

  constructor(change: Partial<EventDefinition> = {}) {
    const from = { id: "run_1", eventId: null, eventName: "x", eventVersion: null, trigger: "api" } as const;
    this.run = newRun({ ...from, definition: { ...definition, ...change } }, this.now);
  }

  state(attempt = this.run.attempt): RunState {
    return { run: this.run, attempt: this.attempts.get(attempt) ?? null };
  }

  offer(to: Holder = a): this {
    const state = { run: this.run, attempt: null };
    return this.keep(
      withRev(state, offer(state, { ...to, runnerName: to.runnerId }, { now: this.now, offerTimeoutMs: 10_000 })),
    );
  }

  do(command: Command, attempt?: number): this {
    this.now += 1;
    return this.keep(decide(this.state(attempt), command, at(this.now)));
  }

  accepted(to: Holder = a): this {
    return this.offer(to).do({ type: "accept", by: to });
  }

  running(to: Holder = a): this {
    return this.accepted(to).do({ type: "started", by: to });
  }

  finished(result: JobResult, to: Holder = a): this {
    return this.running(to).do({ type: "exited", by: to, result }).do({ type: "done", by: to, log });
  }

  get reply(): Step["reply"] | undefined {
    return this.last?.reply;
  }

  get attempt(): AttemptRecord {
    const attempt = this.attempts.get(this.run.attempt);
    if (attempt === undefined) {
      throw new Error("no attempt yet");
    }
    return attempt;
  }

  private keep(step: Step): this {
    this.last = step;
    this.run = step.run;
    if (step.attempt !== null) {
      this.attempts.set(step.attempt.attempt, step.attempt);
    }
    return this;
  }
}
