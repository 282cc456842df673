/**
 * QR codes of short texts, after ISO/IEC 18004: byte mode, error correction level M, versions 1 to 15 (up to 412 bytes),
 * with the mask that scores best. As in the published algorithm of Project Nayuki, whose tables the standard holds too.
 */

/** Error correction bytes of each block, and blocks, by version; level M. */
const ECC_BYTES = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24] as const;
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10] as const;
const LEVEL_M = 0;
const MODE_BYTES = 4;
const PADS = [0xec, 0x11] as const;

type Grid = boolean[][];

/** Rows of modules, true for dark, without the quiet zone of four around it. Throws for a text that is too long. */
export function qrCode(text: string): readonly (readonly boolean[])[] {
  const data = new TextEncoder().encode(text);
  const version = BLOCKS.findIndex((_, i) => data.length * 8 + headerBits(i + 1) <= dataBytes(i + 1) * 8) + 1;
  if (version === 0) {
    throw new Error(`${data.length} bytes do not fit into a QR code of this kind.`);
  }
  const codewords = interleave(dataCodewords(data, version), version);
  const base = new Drawing(version);
  base.place(codewords);
  let best: Drawing | null = null;
  let lowest = Number.POSITIVE_INFINITY;
  for (let mask = 0; mask < 8; mask += 1) {
    const candidate = base.masked(mask);
    const score = penalty(candidate.dark);
    if (score < lowest) {
      [best, lowest] = [candidate, score];
    }
  }
  return (best ?? base).dark;
}

function headerBits(version: number): number {
  return 4 + (version < 10 ? 8 : 16);
}

/** Bytes of data and error correction together. */
function rawBytes(version: number): number {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const aligned = Math.floor(version / 7) + 2;
    modules -= (25 * aligned - 10) * aligned - 55;
    modules -= version >= 7 ? 36 : 0;
  }
  return Math.floor(modules / 8);
}

function dataBytes(version: number): number {
  return rawBytes(version) - (ECC_BYTES[version - 1] ?? 0) * (BLOCKS[version - 1] ?? 0);
}

function dataCodewords(data: Uint8Array, version: number): number[] {
  const bits: number[] = [];
  const push = (value: number, length: number): void => {
    for (let i = length - 1; i >= 0; i -= 1) {
      bits.push((value >>> i) & 1);
    }
  };
  push(MODE_BYTES, 4);
  push(data.length, headerBits(version) - 4);
  for (const byte of data) {
    push(byte, 8);
  }
  const capacity = dataBytes(version) * 8;
  push(0, Math.min(4, capacity - bits.length));
  push(0, (8 - (bits.length % 8)) % 8);
  for (let i = 0; bits.length < capacity; i += 1) {
    push(PADS[i % 2] ?? 0, 8);
  }
  return Array.from({ length: capacity / 8 }, (_, i) =>
    bits.slice(i * 8, i * 8 + 8).reduce((byte, bit) => (byte << 1) | bit, 0),
  );
}

/** Cut into blocks, each with its error correction, and read across them. */
function interleave(data: readonly number[], version: number): number[] {
  const count = BLOCKS[version - 1] ?? 1;
  const eccLength = ECC_BYTES[version - 1] ?? 0;
  const divisor = reedSolomonDivisor(eccLength);
  const short = Math.floor(data.length / count);
  const long = data.length % count;
  const blocks: { readonly data: readonly number[]; readonly ecc: readonly number[] }[] = [];
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    const length = short + (i >= count - long ? 1 : 0);
    const part = data.slice(at, at + length);
    at += length;
    blocks.push({ data: part, ecc: reedSolomonRemainder(part, divisor) });
  }
  const out: number[] = [];
  for (let i = 0; i <= short; i += 1) {
    out.push(...blocks.flatMap((block) => block.data.slice(i, i + 1)));
  }
  for (let i = 0; i < eccLength; i += 1) {
    out.push(...blocks.map((block) => block.ecc[i] ?? 0));
  }
  return out;
}

/** In the field of 256 elements with the polynomial 0x11d. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let i = 7; i >= 0; i -= 1) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((b >>> i) & 1) * a;
  }
  return product;
}

function reedSolomonDivisor(degree: number): number[] {
  const result: number[] = Array.from({ length: degree }, (_, i) => (i === degree - 1 ? 1 : 0));
  let root = 1;
  for (let i = 0; i < degree; i += 1) {
    for (let j = 0; j < degree; j += 1) {
      result[j] = multiply(result[j] ?? 0, root) ^ (result[j + 1] ?? 0);
    }
    root = multiply(root, 2);
  }
  return result;
}

function reedSolomonRemainder(data: readonly number[], divisor: readonly number[]): number[] {
  const result: number[] = divisor.map(() => 0);
  for (const byte of data) {
    const factor = byte ^ (result.shift() ?? 0);
    result.push(0);
    for (const [i, coefficient] of divisor.entries()) {
      result[i] = (result[i] ?? 0) ^ multiply(coefficient, factor);
    }
  }
  return result;
}

const MASKS: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

class Drawing {
  readonly dark: Grid;
  /** Modules with a place of their own: patterns and formats. */
  readonly #fixed: Grid;
  readonly #version: number;

  constructor(version: number, from?: { readonly dark: Grid; readonly fixed: Grid }) {
    const size = version * 4 + 17;
    const empty = (): Grid => Array.from({ length: size }, () => Array.from({ length: size }, () => false));
    this.#version = version;
    this.dark = from?.dark.map((row) => [...row]) ?? empty();
    this.#fixed = from?.fixed ?? empty();
    if (from === undefined) {
      this.#patterns();
      this.#format(0);
    }
  }

  get #size(): number {
    return this.dark.length;
  }

  #set(x: number, y: number, dark: boolean): void {
    const row = this.dark[y];
    const fixed = this.#fixed[y];
    if (row !== undefined && fixed !== undefined && x >= 0 && x < row.length) {
      row[x] = dark;
      fixed[x] = true;
    }
  }

  #patterns(): void {
    const size = this.#size;
    for (let i = 0; i < size; i += 1) {
      this.#set(6, i, i % 2 === 0);
      this.#set(i, 6, i % 2 === 0);
    }
    for (const [x, y] of [
      [3, 3],
      [size - 4, 3],
      [3, size - 4],
    ] as const) {
      this.#rings(x, y, 4);
    }
    const places = alignments(this.#version, size);
    const last = places.length - 1;
    for (const [i, x] of places.entries()) {
      for (const [j, y] of places.entries()) {
        const isCorner = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
        if (!isCorner) {
          this.#rings(x, y, 2);
        }
      }
    }
    this.#versionBits();
  }

  /** A finder with its light border (radius 4), or an alignment pattern (radius 2). */
  #rings(x: number, y: number, radius: number): void {
    for (let dy = -radius; dy <= radius; dy += 1) {
      for (let dx = -radius; dx <= radius; dx += 1) {
        const distance = Math.max(Math.abs(dx), Math.abs(dy));
        this.#set(x + dx, y + dy, radius === 4 ? distance !== 2 && distance !== 4 : distance !== 1);
      }
    }
  }

  #format(mask: number): void {
    const data = (LEVEL_M << 3) | mask;
    const bits = ((data << 10) | remainder(data, 10, 0x537)) ^ 0x5412;
    const bit = (i: number): boolean => ((bits >>> i) & 1) === 1;
    const size = this.#size;
    for (let i = 0; i <= 5; i += 1) {
      this.#set(8, i, bit(i));
    }
    this.#set(8, 7, bit(6));
    this.#set(8, 8, bit(7));
    this.#set(7, 8, bit(8));
    for (let i = 9; i < 15; i += 1) {
      this.#set(14 - i, 8, bit(i));
    }
    for (let i = 0; i < 8; i += 1) {
      this.#set(size - 1 - i, 8, bit(i));
    }
    for (let i = 8; i < 15; i += 1) {
      this.#set(8, size - 15 + i, bit(i));
    }
    this.#set(8, size - 8, true);
  }

  #versionBits(): void {
    if (this.#version < 7) {
      return;
    }
    const bits = (this.#version << 12) | remainder(this.#version, 12, 0x1f25);
    for (let i = 0; i < 18; i += 1) {
      const [a, b] = [this.#size - 11 + (i % 3), Math.floor(i / 3)];
      const dark = ((bits >>> i) & 1) === 1;
      this.#set(a, b, dark);
      this.#set(b, a, dark);
    }
  }

  /** In columns of two, from the right, up and down by turns. */
  place(codewords: readonly number[]): void {
    const size = this.#size;
    let i = 0;
    for (let right = size - 1; right >= 1; right -= 2) {
      if (right === 6) {
        right = 5;
      }
      const isUpward = ((right + 1) & 2) === 0;
      for (let step = 0; step < size; step += 1) {
        const y = isUpward ? size - 1 - step : step;
        for (const x of [right, right - 1]) {
          const row = this.dark[y];
          if (row !== undefined && this.#fixed[y]?.[x] === false && i < codewords.length * 8) {
            row[x] = (((codewords[i >>> 3] ?? 0) >>> (7 - (i & 7))) & 1) === 1;
            i += 1;
          }
        }
      }
    }
  }

  masked(mask: number): Drawing {
    const copy = new Drawing(this.#version, { dark: this.dark, fixed: this.#fixed });
    const isMasked = MASKS[mask];
    for (const [y, row] of copy.dark.entries()) {
      for (const [x, dark] of row.entries()) {
        row[x] = this.#fixed[y]?.[x] === true ? dark : dark !== (isMasked?.(x, y) ?? false);
      }
    }
    copy.#format(mask);
    return copy;
  }
}

function alignments(version: number, size: number): number[] {
  if (version === 1) {
    return [];
  }
  const count = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  const places = Array.from({ length: count - 1 }, (_, i) => size - 7 - i * step);
  return [6, ...places.toReversed()];
}

/** Of a BCH code: `data` shifted by `length` bits, divided by `polynomial`. */
function remainder(data: number, length: number, polynomial: number): number {
  let rest = data;
  for (let i = 0; i < length; i += 1) {
    rest = (rest << 1) ^ ((rest >>> (length - 1)) * polynomial);
  }
  return rest;
}

/** How hard it is to read: runs, blocks, what looks like a finder, and an uneven share of dark. */
function penalty(dark: Grid): number {
  const size = dark.length;
  const at = (x: number, y: number): boolean => dark[y]?.[x] === true;
  let score = 0;
  for (let line = 0; line < size; line += 1) {
    for (const read of [(i: number) => at(i, line), (i: number) => at(line, i)]) {
      score += linePenalty(Array.from({ length: size }, (_, i) => read(i)));
    }
  }
  let darks = 0;
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      darks += at(x, y) ? 1 : 0;
      const isBlock =
        x + 1 < size &&
        y + 1 < size &&
        at(x, y) === at(x + 1, y) &&
        at(x, y) === at(x, y + 1) &&
        at(x, y) === at(x + 1, y + 1);
      score += isBlock ? 3 : 0;
    }
  }
  const total = size * size;
  return score + (Math.ceil(Math.abs(darks * 20 - total * 10) / total) - 1) * 10;
}

function linePenalty(line: readonly boolean[]): number {
  let score = 0;
  let run = 0;
  for (const [i, dark] of line.entries()) {
    run = i > 0 && dark === line[i - 1] ? run + 1 : 1;
    score += run === 5 ? 3 : run > 5 ? 1 : 0;
  }
  const text = `0000${line.map((dark) => (dark ? "1" : "0")).join("")}0000`;
  score += [...text.matchAll(/(?=1011101)/g)].reduce((sum, { index }) => {
    const before = text.slice(index - 4, index) === "0000";
    const after = text.slice(index + 7, index + 11) === "0000";
    return sum + (before ? 40 : 0) + (after ? 40 : 0);
  }, 0);
  return score;
}
