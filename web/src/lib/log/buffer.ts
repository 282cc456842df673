/**
 * A run's log in the browser: frames in, lines out.
 *
 * Frames are cut at any byte, and stdout and stderr take turns, so each stream keeps its own decoder and its own
 * unfinished line. Example: stdout "a", stderr "x\n", stdout "b\n" gives the lines "x" and "ab". Unfinished lines are
 * shown behind the finished ones and move into place when their end arrives.
 *
 * A reconnect may repeat frames: whatever lies before (`seq`, `offset`) of its attempt is ignored, and `cursor()` says
 * where to go on. Bytes that are missing become a mark in the log, never a silent seam.
 */
import type { LogFrame, LogStream } from "@cronium/protocol/log-frame";
import { PLAIN, type Style } from "./style.ts";
import { styleAfter } from "./ansi.ts";
import { continues, foldOf, type Level, levelOf } from "./hints.ts";

export type Mark =
  | { readonly type: "attempt"; readonly attempt: number }
  | { readonly type: "gap"; readonly bytes: number; readonly reason: string }
  | { readonly type: "end"; readonly logState: "incomplete" | "truncated" };

export interface LogLine {
  /** From 1 over all attempts and streams; 0 for a mark. */
  readonly number: number;
  readonly attempt: number;
  readonly stream: LogStream;
  /** When its first byte reached the runner, in milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
  /** Style its first character has. */
  readonly style: Style;
  readonly mark: Mark | null;
  /** What the line looks like, to be drawn and picked by; null for any other. */
  readonly level: Level | null;
  /** Whether a group begins or ends with this line. */
  readonly fold: "start" | "end" | null;
}

/** A group of lines, by the numbers of those with which it begins and ends. */
export interface LogGroup {
  readonly from: number;
  /** Null while nothing has ended it. */
  to: number | null;
}

/** A line that never ends is cut here, so that memory and layout stay bounded. */
const MAX_LINE = 1_048_576;
/** An unfinished line of carriage returns keeps its latest state alone beyond this. */
const MAX_PROGRESS = 65_536;

interface StreamState {
  readonly decoder: TextDecoder;
  carry: string;
  carryAt: number;
  style: Style;
  level: Level | null;
}

export class LogBuffer {
  private readonly lines: LogLine[] = [];
  /** In order of their beginning. */
  readonly groups: LogGroup[] = [];
  private open: LogGroup[] = [];
  private readonly streams = new Map<LogStream, StreamState>();
  private readonly listeners = new Set<() => void>();
  private attempt = 0;
  private nextSeq = 0;
  private nextOffset = 0;
  private numbered = 0;
  private afterGap = false;
  private changes = 0;
  private notifying = false;
  private bytes = 0;
  private readonly schedule: (task: () => void) => void;

  /** `schedule` bundles notifications; the default is once per frame. */
  constructor(schedule: (task: () => void) => void = (task) => void requestAnimationFrame(task)) {
    this.schedule = schedule;
  }

  /** Takes one frame in; repeated ones are ignored. */
  append({ header, payload }: LogFrame): void {
    if (header.attempt < this.attempt) {
      return;
    }
    if (header.attempt > this.attempt) {
      this.startAttempt(header.attempt);
    }
    if (header.seq < this.nextSeq) {
      return;
    }
    const missing = header.offset - this.nextOffset;
    if (missing > 0 && !this.afterGap) {
      this.push({ type: "gap", bytes: missing, reason: "not_received" }, header.at);
    }
    const fresh = missing < 0 ? payload.subarray(Math.min(payload.length, -missing)) : payload;
    this.nextSeq = header.seq + 1;
    this.nextOffset = Math.max(this.nextOffset, header.offset + payload.length);
    this.afterGap = header.gap !== undefined;
    if (header.gap !== undefined) {
      this.push({ type: "gap", bytes: header.gap.bytes, reason: header.gap.reason }, header.at);
    }
    if (fresh.length > 0) {
      this.bytes += fresh.length;
      this.text(header.stream, this.stream(header.stream, header.at), fresh, header.at);
    }
    this.changed();
  }

  /** The attempt's log is closed: unfinished lines become lines, and a log that is not whole says so. */
  end(attempt: number, logState: string): void {
    if (attempt !== this.attempt && this.attempt !== 0) {
      return;
    }
    this.flush();
    const last = this.lines.at(-1)?.mark;
    if ((logState === "incomplete" || logState === "truncated") && last?.type !== "end") {
      this.push({ type: "end", logState }, this.lines.at(-1)?.at ?? 0);
    }
    this.changed();
  }

  /** Where to go on after a lost connection; null to start from the first byte. */
  cursor(): string | null {
    return this.attempt === 0 ? null : `${this.attempt}:${this.nextOffset}`;
  }

  /** Finished lines, marks, and one line per stream that is being written. */
  get count(): number {
    return this.lines.length + this.pending().length;
  }

  get finishedCount(): number {
    return this.lines.length;
  }

  get byteCount(): number {
    return this.bytes;
  }

  line(index: number): LogLine | undefined {
    return index < this.lines.length ? this.lines[index] : this.pending()[index - this.lines.length];
  }

  /** Index of the line with this number, or of its attempt's first line; -1 when it is not here. */
  indexOfNumber(number: number): number {
    let low = 0;
    let high = this.lines.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.numberAtOrBefore(middle) < number) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return this.lines[low]?.number === number ? low : -1;
  }

  indexOfAttempt(attempt: number): number {
    return this.lines.findIndex((line) => line.attempt === attempt);
  }

  /** The last `max` lines of stderr of an attempt, oldest first. */
  stderrTail(attempt: number, max: number): readonly LogLine[] {
    const tail: LogLine[] = [];
    for (let i = this.count - 1; i >= 0 && tail.length < max; i -= 1) {
      const line = this.line(i);
      if (line !== undefined && line.attempt === attempt && line.stream === "stderr" && line.mark === null) {
        tail.unshift(line);
      }
    }
    return tail;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Rises with every change that was announced. */
  get version(): number {
    return this.changes;
  }

  private startAttempt(attempt: number): void {
    this.flush();
    this.streams.clear();
    for (const group of this.open) {
      group.to = this.numbered;
    }
    this.open = [];
    const isFurther = attempt > 1;
    this.attempt = attempt;
    this.nextSeq = 0;
    this.nextOffset = 0;
    this.afterGap = false;
    if (isFurther) {
      this.push({ type: "attempt", attempt }, 0);
    }
  }

  private stream(name: LogStream, at: number): StreamState {
    const known = this.streams.get(name);
    if (known !== undefined) {
      return known;
    }
    const made = {
      decoder: new TextDecoder("utf-8", { ignoreBOM: true }),
      carry: "",
      carryAt: at,
      style: PLAIN,
      level: null,
    };
    this.streams.set(name, made);
    return made;
  }

  private text(name: LogStream, state: StreamState, payload: Uint8Array, at: number): void {
    const text = state.decoder.decode(payload, { stream: true });
    let from = 0;
    for (let cut = text.indexOf("\n"); cut !== -1; cut = text.indexOf("\n", from)) {
      const carried = state.carry !== "";
      this.pushLine(name, state, state.carry + text.slice(from, cut), carried ? state.carryAt : at);
      state.carry = "";
      from = cut + 1;
    }
    if (from < text.length) {
      if (state.carry === "") {
        state.carryAt = at;
      }
      state.carry += text.slice(from);
      this.boundCarry(name, state);
    }
  }

  private boundCarry(name: LogStream, state: StreamState): void {
    if (state.carry.length > MAX_PROGRESS) {
      const restart = state.carry.lastIndexOf("\r", state.carry.length - 2);
      if (restart > 0) {
        state.style = styleAfter(state.carry.slice(0, restart), state.style);
        state.carry = state.carry.slice(restart);
      }
    }
    if (state.carry.length > MAX_LINE) {
      this.pushLine(name, state, state.carry, state.carryAt);
      state.carry = "";
    }
  }

  private pushLine(stream: LogStream, state: StreamState, raw: string, at: number): void {
    const text = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    this.numbered += 1;
    const { style } = state;
    const number = this.numbered;
    const level = levelIn(text, state.level);
    const fold = stream === "stdout" ? this.foldAt(number, text) : null;
    this.lines.push({ number, attempt: this.attempt, stream, at, text, style, mark: null, level, fold });
    state.level = level;
    state.style = styleAfter(text, style);
  }

  /** A line that ends no group is a line like any other. */
  private foldAt(number: number, text: string): LogLine["fold"] {
    const fold = foldOf(text);
    if (fold === "start") {
      const group: LogGroup = { from: number, to: null };
      this.groups.push(group);
      this.open.push(group);
    } else if (fold === "end") {
      const group = this.open.pop();
      if (group === undefined) {
        return null;
      }
      group.to = number;
    }
    return fold;
  }

  private push(mark: Mark, at: number): void {
    const before = this.lines.at(-1);
    this.lines.push({
      number: 0,
      attempt: this.attempt,
      stream: "system",
      at: at === 0 ? (before?.at ?? 0) : at,
      text: "",
      style: PLAIN,
      mark,
      level: null,
      fold: null,
    });
  }

  private flush(): void {
    for (const [name, state] of this.streams) {
      state.carry += state.decoder.decode();
      if (state.carry !== "") {
        this.pushLine(name, state, state.carry, state.carryAt);
        state.carry = "";
      }
    }
  }

  private pending(): readonly LogLine[] {
    const lines: LogLine[] = [];
    for (const [stream, state] of this.streams) {
      if (state.carry !== "") {
        const number = this.numbered + lines.length + 1;
        const { carry: text, carryAt: at, style } = state;
        const level = levelIn(text, state.level);
        lines.push({ number, attempt: this.attempt, stream, at, text, style, mark: null, level, fold: null });
      }
    }
    return lines;
  }

  private numberAtOrBefore(index: number): number {
    for (let i = index; i >= 0; i -= 1) {
      const number = this.lines[i]?.number ?? 0;
      if (number > 0) {
        return number;
      }
    }
    return 0;
  }

  private changed(): void {
    if (this.notifying) {
      return;
    }
    this.notifying = true;
    this.schedule(() => {
      this.notifying = false;
      this.changes += 1;
      for (const listener of this.listeners) {
        listener();
      }
    });
  }
}

function levelIn(text: string, before: Level | null): Level | null {
  return levelOf(text) ?? (before !== null && continues(text) ? before : null);
}
