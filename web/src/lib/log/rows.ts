/**
 * From lines to rows of one fixed height. Without wrapping a row is a line; with wrapping a line takes as many rows as
 * its text needs at `columns` characters each, so that scrolling stays plain arithmetic at any size.
 */
import type { Piece } from "./ansi.ts";

/** Characters of one line that are drawn; the rest is counted and left to the download. */
export const MAX_DRAWN = 10_000;

/** Cells a character takes: 2 for East Asian wide forms and emoji, 0 for combining marks, else 1. */
export function cells(code: number): number {
  if (code < 0x300) {
    return 1;
  }
  if (code <= 0x36f || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f) || (code >= 0x20d0 && code <= 0x20ff)) {
    return 0;
  }
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return isWide ? 2 : 1;
}

/** Cuts pieces into rows of at most `columns` cells; always at least one row. */
export function wrapPieces(pieces: readonly Piece[], columns: number): readonly (readonly Piece[])[] {
  const width = Math.max(1, columns);
  const rows: Piece[][] = [[]];
  let used = 0;
  for (const piece of pieces) {
    let from = 0;
    let at = 0;
    for (const char of piece.text) {
      const size = char === "\t" ? 8 - (used % 8) : cells(char.codePointAt(0) ?? 0);
      if (used + size > width && used > 0) {
        rows.at(-1)?.push({ ...piece, text: piece.text.slice(from, at) });
        rows.push([]);
        from = at;
        used = 0;
      }
      used += size;
      at += char.length;
    }
    if (from < piece.text.length) {
      rows.at(-1)?.push(from === 0 ? piece : { ...piece, text: piece.text.slice(from) });
    }
  }
  return rows;
}

/** Running total of rows per line, grown as lines arrive: row numbers to lines by binary search. */
export class RowIndex {
  /** `ends[i]` is the number of rows in lines 0 to i. */
  private readonly ends: number[] = [];

  get lineCount(): number {
    return this.ends.length;
  }

  get rowCount(): number {
    return this.ends.at(-1) ?? 0;
  }

  add(rows: number): void {
    this.ends.push(this.rowCount + rows);
  }

  /** Forgets lines from `count` on, so that an unfinished line can be measured again. */
  cut(count: number): void {
    this.ends.length = Math.min(this.ends.length, count);
  }

  firstRow(line: number): number {
    return line <= 0 ? 0 : (this.ends[Math.min(line, this.ends.length) - 1] ?? 0);
  }

  lineAt(row: number): number {
    let low = 0;
    let high = this.ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.ends[middle] ?? 0) > row) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
