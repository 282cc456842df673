/**
 * Finds many byte sequences in one pass: the automaton of Aho and Corasick (1975), in flat arrays, 25 bytes a node.
 *
 * A node stands for a beginning of at least one needle. From a node, a byte leads to its child or, where it has none, to
 * where the longest shorter suffix would lead. So the node that is reached is always the longest suffix of the text that
 * could still become a needle, and its depth says how many bytes must not be given away yet.
 */
export const ROOT = 0;
const ESCAPE = 0x1b;

export class NeedleTrie {
  private readonly firstChild: Int32Array;
  private readonly nextSibling: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly fail: Int32Array;
  private readonly open: Int32Array;
  private readonly fromRoot = new Int32Array(256);
  /** Bytes that lead from the root to a node. */
  readonly depth: Int32Array;
  /** Length of the longest needle that ends at a node; 0 where none does. */
  readonly match: Int32Array;
  /** By two bytes (`first << 8 | second`): whether a needle may begin with them. */
  readonly pairs = new Uint8Array(65_536);
  /** By one byte: whether a needle begins with it. */
  readonly firsts = new Uint8Array(256);
  readonly longest: number;
  private size = 1;

  constructor(needles: readonly Uint8Array[]) {
    const capacity = needles.reduce((sum, needle) => sum + needle.length, 1);
    this.firstChild = new Int32Array(capacity);
    this.nextSibling = new Int32Array(capacity);
    this.bytes = new Uint8Array(capacity);
    this.fail = new Int32Array(capacity);
    this.open = new Int32Array(capacity);
    this.depth = new Int32Array(capacity);
    this.match = new Int32Array(capacity);
    this.longest = needles.reduce((most, needle) => Math.max(most, needle.length), 0);
    for (const needle of needles) {
      this.insert(needle);
    }
    this.link();
  }

  /** Where `byte` leads. */
  step(from: number, byte: number): number {
    let node = from;
    for (;;) {
      const child = node === ROOT ? (this.fromRoot[byte] as number) : this.child(node, byte);
      if (child !== 0 || node === ROOT) {
        return child;
      }
      node = this.fail[node] as number;
    }
  }

  /** The longest suffix that can still grow into a needle: the node itself, unless nothing follows it. */
  growing(node: number): number {
    return this.firstChild[node] === 0 ? (this.open[node] as number) : node;
  }

  private child(node: number, byte: number): number {
    let child = this.firstChild[node] as number;
    while (child !== 0 && this.bytes[child] !== byte) {
      child = this.nextSibling[child] as number;
    }
    return child;
  }

  private insert(needle: Uint8Array): void {
    let node = ROOT;
    for (const byte of needle) {
      let child = node === ROOT ? (this.fromRoot[byte] as number) : this.child(node, byte);
      if (child === 0) {
        child = this.size;
        this.size += 1;
        this.bytes[child] = byte;
        this.depth[child] = (this.depth[node] as number) + 1;
        this.nextSibling[child] = this.firstChild[node] as number;
        this.firstChild[node] = child;
        if (node === ROOT) {
          this.fromRoot[byte] = child;
        }
      }
      node = child;
    }
    this.match[node] = needle.length;
    const [first = 0, second = 0] = needle;
    this.firsts[first] = 1;
    this.pairs[(first << 8) | second] = 1;
    // An escape sequence may cut it right there.
    this.pairs[(first << 8) | ESCAPE] = 1;
  }

  /** Breadth first, so that what a node falls back to is finished before it. */
  private link(): void {
    const queue: number[] = [ROOT];
    for (let at = 0; at < queue.length; at += 1) {
      const node = queue[at] as number;
      for (let child = this.firstChild[node] as number; child !== 0; child = this.nextSibling[child] as number) {
        const back = node === ROOT ? ROOT : this.step(this.fail[node] as number, this.bytes[child] as number);
        this.fail[child] = back;
        this.open[child] = this.firstChild[back] === 0 ? (this.open[back] as number) : back;
        if (this.match[child] === 0) {
          this.match[child] = this.match[back] as number;
        }
        queue.push(child);
      }
    }
  }
}
