/**
 * Lines out of frames. Frames are cut at any byte and streams alternate, so each stream carries its unfinished line,
 * and its unfinished character, over to its next frame. Memory is bounded by the longest line that is kept whole.
 */
import type { LogLine } from "./api/runs.ts";
import type { LogFrame } from "./log-frame.ts";

/** Longer lines are cut into several. Characters. */
const MAX_LINE = 1_048_576;
const NEWLINE = 0x0a;

export interface PlacedLine {
  readonly line: LogLine;
  /** Where in the attempt's bytes the frame that finished it ends. */
  readonly endOffset: number;
}

interface Carry {
  readonly decoder: TextDecoder;
  text: string;
  /** The last byte was a line end. */
  ended: boolean;
  at: number;
}

export class LineSplitter {
  readonly #carries = new Map<string, Carry>();
  #attempt = 0;
  #offset = 0;
  #seq: number;

  /** `lines`: how many come before, where the reading begins between two lines. Default: 0. */
  constructor(lines = 0) {
    this.#seq = lines;
  }

  /** Lines given so far, and those before. */
  get lines(): number {
    return this.#seq;
  }

  /** No line and no character is unfinished: another splitter may go on here. */
  get isBetweenLines(): boolean {
    return [...this.#carries.values()].every(({ text, ended }) => text === "" && ended);
  }

  /** The lines that this frame finishes. */
  *push(frame: LogFrame): Generator<PlacedLine> {
    const { header, payload } = frame;
    if (header.attempt !== this.#attempt) {
      yield* this.end();
      this.#attempt = header.attempt;
    }
    this.#offset = header.offset + payload.length;
    if (header.gap !== undefined) {
      const { bytes, reason } = header.gap;
      yield this.#place("system", header.at, `[${bytes} bytes are missing here: ${reason}]`);
      return;
    }
    const carry = this.#carry(header.stream, header.at);
    carry.ended = payload.at(-1) === NEWLINE;
    carry.text += carry.decoder.decode(payload, { stream: true });
    let from = 0;
    for (;;) {
      const end = carry.text.indexOf("\n", from);
      const cut = end === -1 ? from + MAX_LINE : Math.min(end, from + MAX_LINE);
      if (end === -1 && cut >= carry.text.length) {
        break;
      }
      const raw = carry.text.slice(from, cut);
      yield this.#place(header.stream, carry.at, raw.endsWith("\r") && cut === end ? raw.slice(0, -1) : raw);
      from = cut === end ? end + 1 : cut;
      carry.at = header.at;
    }
    carry.text = carry.text.slice(from);
  }

  /** What is left without a line end. */
  *end(): Generator<PlacedLine> {
    for (const [stream, carry] of this.#carries) {
      const text = carry.text + carry.decoder.decode();
      if (text !== "") {
        yield this.#place(stream, carry.at, text);
      }
    }
    this.#carries.clear();
  }

  #carry(stream: string, at: number): Carry {
    let carry = this.#carries.get(stream);
    if (carry === undefined) {
      carry = { decoder: new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }), text: "", ended: true, at };
      this.#carries.set(stream, carry);
    }
    if (carry.text === "") {
      carry.at = at;
    }
    return carry;
  }

  #place(stream: string, at: number, text: string): PlacedLine {
    this.#seq += 1;
    const line = { seq: this.#seq, attempt: this.#attempt, stream, at: new Date(at).toISOString(), text };
    return { line, endOffset: this.#offset };
  }
}
