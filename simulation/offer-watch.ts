/** F28: whoever gets an offer answers it, as long as it can hear and speak. */
import type { AttemptRef, RunnerMessage } from "@cronium/protocol";
import type { Machine } from "./machine.ts";
import { keyOf } from "./rows.ts";
import { Violation } from "./violation.ts";

const ANSWER_WITHIN_MS = 5_000;

export class OfferWatch {
  private readonly open = new Map<
    string,
    { readonly machine: Machine; readonly since: number; readonly socket: number }
  >();
  private readonly answered = new Set<string>();
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  /** Offers have reached a machine. */
  arrived(machine: Machine, jobs: readonly AttemptRef[]): void {
    for (const { runId, attempt } of jobs) {
      const key = keyOf(runId, attempt);
      if (!this.answered.has(key)) {
        this.open.set(key, { machine, since: this.now(), socket: machine.socketId });
      }
    }
  }

  /** A runner says something. */
  said(machine: Machine, message: RunnerMessage): void {
    const refs = message.type === "accept" ? message.jobs : message.type === "decline" ? [message] : [];
    for (const { runId, attempt } of refs) {
      const key = keyOf(runId, attempt);
      this.answered.add(key);
      if (this.open.get(key)?.machine === machine) {
        this.open.delete(key);
      }
    }
  }

  check(): void {
    const now = this.now();
    for (const [key, { machine, since, socket }] of this.open) {
      if (!machine.connected || machine.socketId !== socket || machine.soundSince > since) {
        this.open.delete(key);
      } else if (now - since > ANSWER_WITHIN_MS) {
        throw new Violation("F28", `${key} was offered to ${machine.id}, which has not answered`);
      }
    }
  }
}
