/** Keeps the newest lines of a log in memory, and tells those who follow it. */

export interface TailLine {
  readonly stream: string;
  readonly text: string;
}

export class LogTail {
  private readonly maxChars: number;
  private lines: TailLine[] = [];
  private chars = 0;
  private readonly followers = new Set<(line: TailLine) => void>();

  /** `maxChars`: what is kept at most; a single longer line is kept whole. */
  constructor(maxChars: number) {
    this.maxChars = maxChars;
  }

  add(line: TailLine): void {
    this.lines.push(line);
    this.chars += line.text.length;
    if (this.chars > 2 * this.maxChars) {
      // Now and then, because taking one off the front of a long array is slow.
      let drop = 0;
      while (this.chars > this.maxChars && drop < this.lines.length - 1) {
        this.chars -= this.lines[drop]?.text.length ?? 0;
        drop += 1;
      }
      this.lines = this.lines.slice(drop);
    }
    for (const tell of this.followers) {
      tell(line);
    }
  }

  all(): readonly TailLine[] {
    return this.lines;
  }

  /** Tells every later line; the returned function ends that. */
  follow(tell: (line: TailLine) => void): () => void {
    this.followers.add(tell);
    return () => this.followers.delete(tell);
  }
}
