/** What the log viewer draws: rows of one fixed height over the lines of a buffer, filtered and wrapped as chosen. */
import type { LogStream } from "@cronium/protocol/log-frame";
import { type Piece, readAnsiLine, styleAfter } from "./ansi.ts";
import type { LogBuffer, LogLine } from "./buffer.ts";
import { MAX_DRAWN, RowIndex, wrapPieces } from "./rows.ts";

import { t } from "../text.ts";

export interface RowModelOptions {
  /** Characters per row when wrapping; null for one row per line. */
  readonly columns: number | null;
  readonly stream: LogStream | null;
  /** Numbers of lines whose overwritten text is shown. */
  readonly expanded: ReadonlySet<number>;
}

export interface DrawnLine {
  readonly rows: readonly (readonly Piece[])[];
  readonly overwritten: number;
}

export interface Row {
  readonly line: LogLine;
  /** Which row of its line this is, from 0. */
  readonly part: number;
}

const SIMPLE = /^[\x20-\x7e]*$/;

export class RowModel {
  private readonly buffer: LogBuffer;
  private readonly options: RowModelOptions;
  /** Indices of the lines that pass the filter; null when all do. */
  private readonly kept: number[] | null;
  private readonly index: RowIndex | null;
  private readonly drawnLines = new WeakMap<LogLine, DrawnLine>();
  private scanned = 0;
  private settled = 0;

  constructor(buffer: LogBuffer, options: RowModelOptions) {
    this.buffer = buffer;
    this.options = options;
    this.kept = options.stream === null ? null : [];
    this.index = options.columns === null ? null : new RowIndex();
    this.sync();
  }

  /** Takes in lines that arrived since; unfinished ones are measured anew. */
  sync(): void {
    if (this.kept !== null) {
      this.kept.length = this.settled;
    }
    this.index?.cut(this.settled);
    const finished = this.buffer.finishedCount;
    for (let i = this.scanned; i < finished; i += 1) {
      this.take(i);
    }
    this.scanned = finished;
    this.settled = this.kept?.length ?? finished;
    for (let i = finished; i < this.buffer.count; i += 1) {
      this.take(i);
    }
  }

  get rowCount(): number {
    return this.index?.rowCount ?? this.kept?.length ?? this.buffer.count;
  }

  row(row: number): Row | undefined {
    const position = this.index === null ? row : this.index.lineAt(row);
    const line = this.buffer.line(this.kept === null ? position : (this.kept[position] ?? -1));
    return line === undefined
      ? undefined
      : { line, part: this.index === null ? 0 : row - this.index.firstRow(position) };
  }

  /** First row of the line at `lineIndex`, or of the next one that is shown. */
  rowOfLine(lineIndex: number): number {
    let position = lineIndex;
    if (this.kept !== null) {
      const found = this.kept.findIndex((kept) => kept >= lineIndex);
      position = found === -1 ? this.kept.length - 1 : found;
    }
    return this.index === null ? position : this.index.firstRow(position);
  }

  drawn(line: LogLine): DrawnLine {
    const known = this.drawnLines.get(line);
    if (known !== undefined) {
      return known;
    }
    const made = this.draw(line);
    this.drawnLines.set(line, made);
    return made;
  }

  private take(index: number): void {
    const line = this.buffer.line(index);
    if (line === undefined) {
      return;
    }
    if (this.kept !== null) {
      if (line.mark === null && line.stream !== this.options.stream) {
        return;
      }
      this.kept.push(index);
    }
    this.index?.add(this.measure(line, this.options.columns ?? 1));
  }

  private measure(line: LogLine, columns: number): number {
    const length = line.text.length;
    if (line.mark !== null || length * 8 <= columns) {
      return 1;
    }
    if (length <= MAX_DRAWN && SIMPLE.test(line.text)) {
      return Math.max(1, Math.ceil(length / columns));
    }
    return this.draw(line).rows.length;
  }

  private draw(line: LogLine): DrawnLine {
    const expand = this.options.expanded.has(line.number);
    let { text, style } = line;
    let overwritten = 0;
    if (text.length > MAX_DRAWN && !expand) {
      const restart = text.lastIndexOf("\r", text.length - 2);
      if (restart > 0) {
        style = styleAfter(text.slice(0, restart), style);
        text = text.slice(restart + 1);
        overwritten = 1;
      }
    }
    const rest = text.length - MAX_DRAWN;
    const read = readAnsiLine(rest > 0 ? text.slice(0, MAX_DRAWN) : text, style, { expand });
    const pieces =
      rest > 0
        ? [...read.pieces, { text: t("log.rest", rest), style: line.style, escaped: true as const }]
        : read.pieces;
    const rows = this.options.columns === null ? [pieces] : wrapPieces(pieces, this.options.columns);
    return { rows, overwritten: overwritten + read.overwritten };
  }
}
