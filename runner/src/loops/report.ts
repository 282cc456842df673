/**
 * Repeats results until they are acknowledged. `finish` sends each once; this loop sends what is still in the journal
 * after every welcome, and every 30 s in between. The answer to a repeated frame is always the same, so repeating is
 * safe; not repeating would lose a result whose acknowledgement, or whose frame, was lost with its socket.
 */
import type { AttemptRef, JobResult, ServerMessage } from "@cronium/protocol";
import type { Clock } from "../base/clock.ts";
import type { ControlLink, LogState } from "../run/deps.ts";

const REPEAT_EVERY_MS = 30_000;

/** What this loop reads and writes in the journal. */
export interface ReportJournal {
  entries(): readonly {
    readonly runId: string;
    readonly attempt: number;
    readonly result: JobResult | null;
    readonly resultAcked: boolean;
    readonly done: { readonly logBytes: number; readonly logState: LogState } | null;
  }[];
  note(record: { readonly type: "exited_acked" | "dropped" } & AttemptRef): void;
}

export interface ReportOptions {
  readonly clock: Clock;
  readonly link: ControlLink;
  readonly journal: ReportJournal;
  readonly removeSpool: (ref: AttemptRef) => void;
}

export class Report {
  private readonly options: ReportOptions;
  private readonly cancelRepeat: () => void;

  constructor(options: ReportOptions) {
    this.options = options;
    this.cancelRepeat = options.clock.every(REPEAT_EVERY_MS, () => this.repeat());
  }

  /** Attempts whose end the control plane does not fully know yet. */
  get pending(): number {
    return this.options.journal.entries().filter((entry) => entry.result !== null).length;
  }

  repeat(): void {
    const { link, journal } = this.options;
    if (!link.open) {
      return;
    }
    for (const { runId, attempt, result, resultAcked, done } of journal.entries()) {
      if (result !== null && !resultAcked) {
        link.send({ type: "exited", runId, attempt, result });
      }
      if (done !== null) {
        link.send({ type: "done", jobs: [{ runId, attempt, ...done }] });
      }
    }
  }

  onAck(message: Extract<ServerMessage, { type: "ack" }>): void {
    const { journal, removeSpool } = this.options;
    for (const { runId, attempt } of message.jobs) {
      const ref = { runId, attempt };
      if (message.of === "exited") {
        journal.note({ type: "exited_acked", ...ref });
      } else {
        journal.note({ type: "dropped", ...ref });
        removeSpool(ref);
      }
    }
  }

  stop(): void {
    this.cancelRepeat();
  }
}
