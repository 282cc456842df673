/**
 * Replaces secrets in one stream of bytes, wherever the stream is cut.
 *
 * Example: the secret is "hunter2". "pass hun" comes: "pass " goes on at once, "hun" stays, because it may become the
 * secret. "ger\n" comes: it did not, "hunger\n" goes on. Had "ter2\n" come, "***\n" would have gone on. What is held back
 * is always the longest end of the text that begins a needle, so an ordinary line is never held back, however short the
 * pause behind it; and the same bytes give the same result however they were cut.
 *
 * Needles that overlap are replaced together, by one "***". Between two bytes of a needle an escape sequence of a terminal
 * is passed over, and behind eight of them the end of a line, because base64 is wrapped.
 *
 * Each piece that goes on knows how many bytes of the stream it stands for. Where one ends, a new masker can begin: no
 * needle reaches over the end of a piece.
 */
import { escapeEnd } from "./escape-sequence.ts";
import { type NeedleTrie, ROOT } from "./needle-trie.ts";

/** Bytes that go on, and how many bytes of the stream they stand for. One that replaces a secret must not be cut. */
export interface MaskedPiece {
  readonly bytes: Uint8Array;
  readonly rawBytes: number;
  readonly replaces: boolean;
}

const MASK: Uint8Array = Buffer.from("***");
const ESCAPE = 0x1b;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** Bytes of a needle behind which the end of a line is passed over. */
const WRAPPED_AFTER = 8;
/** What may be passed over within one needle; more is not printed by chance, and must not fill the memory. */
const MOST_SKIPS = 1_024;
const MOST_SKIPPED_BYTES = 65_536;

/** A part of the stream, in bytes from its beginning. */
interface Span {
  start: number;
  end: number;
}

export class Masker {
  private trie: NeedleTrie | null;
  private readonly emit: (pieces: readonly MaskedPiece[]) => void;
  private node = ROOT;
  /** Bytes from `base` on that have not gone on, or lie in a span that is not over. */
  private carry: Uint8Array = new Uint8Array(0);
  private base = 0;
  /** From here on `carry` has not been looked at. */
  private scanned = 0;
  /** Up to here everything has gone on. */
  private done = 0;
  /** What will be replaced; in order, apart from one another. */
  private found: Span[] = [];
  /** As `node`, had what is in `skips` not been there; from `acrossFrom` on. The root where nothing was passed over. */
  private across = ROOT;
  private acrossFrom = 0;
  private skips: Span[] = [];

  constructor(trie: NeedleTrie | null, emit: (pieces: readonly MaskedPiece[]) => void) {
    this.trie = trie;
    this.emit = emit;
  }

  /** Bytes that have come and not gone on. */
  get heldBytes(): number {
    return this.base + this.carry.length - this.done;
  }

  /** Looks for other needles from now on; what is held back is looked at again. */
  use(trie: NeedleTrie): void {
    this.trie = trie;
    this.reset();
    this.scanned = this.base;
    if (this.carry.length > 0) {
      this.take(new Uint8Array(0), false);
    }
  }

  push(bytes: Uint8Array): void {
    if (this.trie === null) {
      this.base += bytes.length;
      this.scanned = this.base;
      this.done = this.base;
      this.emit([{ bytes, rawBytes: bytes.length, replaces: false }]);
      return;
    }
    this.take(bytes, false);
  }

  /** Nothing follows, or not what came next: what is held back goes on. */
  flush(): void {
    if (this.heldBytes > 0) {
      this.take(new Uint8Array(0), true);
    }
  }

  private take(bytes: Uint8Array, isLast: boolean): void {
    const data = this.carry.length === 0 ? bytes : Buffer.concat([this.carry, bytes]);
    this.scan(data, isLast);
    this.release(data, isLast ? this.base + data.length : this.firstOpen());
    if (isLast) {
      this.reset();
    }
  }

  private reset(): void {
    this.node = ROOT;
    this.across = ROOT;
    this.acrossFrom = 0;
    this.skips = [];
  }

  /** Where the first needle begins that may still end behind what has come. */
  private firstOpen(): number {
    const { depth } = this.trie ?? {};
    const plain = this.scanned - (depth?.[this.node] ?? 0);
    return this.across === ROOT ? plain : Math.min(plain, this.startOf(depth?.[this.across] ?? 0));
  }

  private scan(data: Uint8Array, isLast: boolean): void {
    const { trie, base } = this;
    if (trie === null) {
      this.scanned = base + data.length;
      return;
    }
    const { firsts, pairs, match } = trie;
    const end = data.length;
    let { node } = this;
    let at = this.scanned - base;
    while (at < end) {
      if (node === ROOT && this.across === ROOT) {
        while (at < end - 1 && pairs[((data[at] as number) << 8) | (data[at + 1] as number)] === 0) {
          at += 1;
        }
        if (at === end - 1 && firsts[data[at] as number] === 0) {
          at = end;
          break;
        }
      }
      const byte = data[at] as number;
      const isGap = byte === ESCAPE || byte === NEWLINE || byte === RETURN;
      if (isGap && base + at >= this.acrossFrom && !this.passOver(node, data, at, isLast)) {
        break;
      }
      at += 1;
      this.scanned = base + at;
      const next = trie.step(node, byte);
      const length = match[next] as number;
      if (length > 0) {
        this.cover(this.scanned - length, this.scanned);
      }
      node = trie.growing(next);
      if (this.across !== ROOT && this.scanned > this.acrossFrom) {
        this.stepAcross(trie, byte);
      }
    }
    this.node = node;
    this.scanned = base + at;
  }

  /** At something that may stand within a needle and be no part of it. False when more must come before that is known. */
  private passOver(node: number, data: Uint8Array, at: number, isLast: boolean): boolean {
    const from = this.across === ROOT ? node : this.across;
    if (from === ROOT) {
      return true;
    }
    const place = this.base + at;
    const length = data[at] === ESCAPE ? escapeEnd(data, at, isLast) : this.lineEnd(from, place);
    if (length === null) {
      return false;
    }
    if (length > 0 && this.skip(from, place, length)) {
      this.across = from;
      this.acrossFrom = place + length;
    }
    return true;
  }

  private stepAcross(trie: NeedleTrie, byte: number): void {
    const next = trie.step(this.across, byte);
    const length = trie.match[next] as number;
    if (length > 0) {
      this.cover(this.startOf(length), this.scanned);
    }
    this.across = trie.growing(next);
    // Once it no longer reaches back over what was passed over, `node` knows as much.
    const depth = trie.depth[this.across] as number;
    if (depth <= this.scanned - (this.skips.at(-1)?.end ?? 0)) {
      this.across = ROOT;
      this.skips = [];
    }
  }

  /** 1 where the line may go on below, else 0. */
  private lineEnd(node: number, at: number): number {
    const last = this.skips.at(-1);
    const again = last !== undefined && last.end === at && last.end - last.start >= 2;
    return (this.trie?.depth[node] ?? 0) >= WRAPPED_AFTER && !again ? 1 : 0;
  }

  /** Passes over bytes at `at`; false when it has been too much. */
  private skip(node: number, at: number, length: number): boolean {
    const start = this.startOf(this.trie?.depth[node] ?? 0);
    this.skips = this.skips.filter((span) => span.end > start);
    const last = this.skips.at(-1);
    const skipped = this.skips.reduce((sum, span) => sum + span.end - span.start, length);
    if (this.skips.length >= MOST_SKIPS || skipped > MOST_SKIPPED_BYTES) {
      return false;
    }
    if (last?.end === at) {
      last.end += length;
    } else {
      this.skips.push({ start: at, end: at + length });
    }
    return true;
  }

  /** Where the last `length` bytes begin, without what was passed over. */
  private startOf(length: number): number {
    let left = length;
    let end = Math.max(this.scanned, this.acrossFrom);
    for (let i = this.skips.length - 1; i >= 0 && left > 0; i -= 1) {
      const skip = this.skips[i] as Span;
      if (left <= end - skip.end) {
        break;
      }
      left -= end - skip.end;
      end = skip.start;
    }
    return end - left;
  }

  private cover(start: number, end: number): void {
    const span = { start, end };
    for (let last = this.found.at(-1); last !== undefined && last.end > start; last = this.found.at(-1)) {
      span.start = Math.min(span.start, last.start);
      this.found.pop();
    }
    this.found.push(span);
  }

  /** Lets go what no needle to come can reach: everything before `boundary`, but for a span that may still grow. */
  private release(data: Uint8Array, boundary: number): void {
    const pieces: MaskedPiece[] = [];
    const literal = (to: number): void => {
      if (to > this.done) {
        const bytes = data.subarray(this.done - this.base, to - this.base);
        pieces.push({ bytes, rawBytes: bytes.length, replaces: false });
        this.done = to;
      }
    };
    const over = this.found.findIndex(({ end }) => end > boundary);
    for (const { start, end } of this.found.splice(0, over === -1 ? this.found.length : over)) {
      literal(start);
      pieces.push({ bytes: MASK, rawBytes: end - this.done, replaces: true });
      this.done = end;
    }
    literal(Math.min(boundary, this.found[0]?.start ?? boundary));
    // A copy: what it would be a view of belongs to whoever handed it in.
    this.carry = new Uint8Array(data.subarray(boundary - this.base));
    this.base = boundary;
    if (pieces.length > 0) {
      this.emit(pieces);
    }
  }
}
