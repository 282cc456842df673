/** What of a job's output had to be dropped and is not declared yet. */
import type { LogStream } from "@cronium/protocol";

export type JobStream = Exclude<LogStream, "system">;

/** Bytes of the log, and what they stand for of the job's output. */
export interface Dropped {
  bytes: number;
  readonly raw: Record<JobStream, number>;
}

export function nothingDropped(): Dropped {
  return { bytes: 0, raw: { stdout: 0, stderr: 0 } };
}

export function drop(dropped: Dropped, stream: JobStream, bytes: number, rawBytes: number): void {
  dropped.bytes += bytes;
  dropped.raw[stream] += rawBytes;
}
