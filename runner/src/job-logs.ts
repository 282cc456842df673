/** What the jobs that are here have printed lately, for people at this machine; the whole log is at the control plane. */
import type { AttemptRef } from "@cronium/protocol";
import { LogTail } from "./base/log-tail.ts";

const TAIL_CHARS = 65_536;

export class JobLogs {
  private readonly tails = new Map<string, { readonly attempt: number; readonly tail: LogTail }>();
  private readonly isHere: (ref: AttemptRef) => boolean;

  constructor(isHere: (ref: AttemptRef) => boolean) {
    this.isHere = isHere;
  }

  get(runId: string): LogTail | undefined {
    return this.tails.get(runId)?.tail;
  }

  /** Takes what this attempt prints; the log of an earlier attempt of the run goes. */
  of({ runId, attempt }: AttemptRef): (stream: string, bytes: Uint8Array) => void {
    for (const [id, other] of this.tails) {
      if (!this.isHere({ runId: id, attempt: other.attempt })) {
        this.tails.delete(id);
      }
    }
    const tail = new LogTail(TAIL_CHARS);
    this.tails.set(runId, { attempt, tail });
    const decoder = new TextDecoder();
    return (stream, bytes) => tail.add({ stream, text: decoder.decode(bytes, { stream: true }) });
  }
}
