/** The log of a script that runs without a control plane: what it prints, as it prints it, without its secrets. */
import type { Writable } from "node:stream";
import { Concealed } from "../base/masking/concealed.ts";
import { Masker } from "../base/masking/masker.ts";
import type { LogSink, LogState } from "../run/deps.ts";

export interface ConsoleStreams {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Remarks of Cronium's own, one line without its end. */
  readonly notice: (text: string) => void;
}

export class ConsoleLog implements LogSink {
  readonly taken = { stdout: 0, stderr: 0 };
  private readonly streams: ConsoleStreams;
  private readonly concealed = new Concealed();
  private readonly maskers: Readonly<Record<"stdout" | "stderr", Masker>>;
  private written = 0;
  private dropped = 0;
  private capBytes = Number.POSITIVE_INFINITY;
  private overflow: (() => void) | undefined;

  constructor(streams: ConsoleStreams) {
    this.streams = streams;
    const to = (stream: "stdout" | "stderr"): Masker =>
      new Masker(null, (pieces) => {
        for (const { bytes } of pieces) {
          this.write(stream, bytes);
        }
      });
    this.maskers = { stdout: to("stdout"), stderr: to("stderr") };
  }

  connect(): void {}

  conceal(secrets: Readonly<Record<string, string>>, tokens: readonly string[] = []): void {
    const tooShort = this.concealed.add(secrets, tokens);
    if (tooShort.length > 0) {
      this.notice(`too short to be hidden in what it prints (fewer than 4 characters): ${tooShort.join(", ")}`);
    }
  }

  limit(bytes: number, overflow?: () => void): void {
    this.capBytes = bytes;
    this.overflow = overflow;
  }

  bytes(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    const news = this.concealed.news();
    if (news !== null) {
      this.maskers.stdout.use(news);
      this.maskers.stderr.use(news);
    }
    this.maskers[stream].push(bytes);
  }

  notice(text: string): void {
    this.streams.notice(text);
  }

  lost(bytes: number): void {
    this.notice(`at least ${bytes} bytes of what it printed are missing`);
  }

  async end(): Promise<{ readonly logBytes: number; readonly logState: LogState }> {
    this.maskers.stdout.flush();
    this.maskers.stderr.flush();
    if (this.dropped > 0) {
      this.notice(`${this.dropped} bytes above the limit of its log are left out`);
    }
    return { logBytes: this.written, logState: this.dropped > 0 ? "truncated" : "complete" };
  }

  close(): void {}

  remove(): void {}

  private write(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    if (this.written + bytes.length > this.capBytes) {
      this.dropped += bytes.length;
      this.overflow?.();
      this.overflow = undefined;
      return;
    }
    this.written += bytes.length;
    this.streams[stream].write(bytes);
  }
}
