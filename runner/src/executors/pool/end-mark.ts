/**
 * Finds in a stream the line that a bootstrap prints between two jobs, and hands on what comes before it. Chunks end
 * anywhere, so the beginning of what may become the mark is held back until more has come.
 */
export class EndMark {
  private readonly mark: Buffer;
  private readonly sink: (bytes: Uint8Array) => void;
  private held: Buffer = Buffer.alloc(0);
  found = false;

  /** `word`: the `reuse` of the job, letters and digits. */
  constructor(word: string, sink: (bytes: Uint8Array) => void) {
    this.mark = Buffer.from(`\0cronium ended ${word}\n`);
    this.sink = sink;
  }

  /** Returns how many bytes came behind the mark, which belong to nobody. */
  push(bytes: Uint8Array): number {
    if (this.found) {
      return bytes.length;
    }
    if (this.held.length === 0 && !bytes.includes(0)) {
      this.sink(bytes);
      return 0;
    }
    const all = Buffer.concat([this.held, bytes]);
    const at = all.indexOf(this.mark);
    if (at >= 0) {
      this.found = true;
      this.pass(all.subarray(0, at));
      this.held = Buffer.alloc(0);
      return all.length - at - this.mark.length;
    }
    const keep = this.beginningAtEnd(all);
    this.pass(all.subarray(0, all.length - keep));
    this.held = Buffer.from(all.subarray(all.length - keep));
    return 0;
  }

  /** Nothing follows: what was held back was the job's own. */
  end(): void {
    this.pass(this.held);
    this.held = Buffer.alloc(0);
  }

  private pass(bytes: Uint8Array): void {
    if (bytes.length > 0) {
      this.sink(bytes);
    }
  }

  /** How many of the last bytes may be the beginning of the mark. */
  private beginningAtEnd(bytes: Buffer): number {
    for (let length = Math.min(this.mark.length - 1, bytes.length); length > 0; length -= 1) {
      if (bytes.subarray(bytes.length - length).equals(this.mark.subarray(0, length))) {
        return length;
      }
    }
    return 0;
  }
}
