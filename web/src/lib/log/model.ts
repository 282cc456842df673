/**
 * What the log viewer draws: rows of one fixed height over the lines of a buffer, filtered, folded and wrapped as chosen.
 *
 * A folded group shows the line with which it begins and every mark within it: what is missing in a log is never hidden.
 * The line that ends a group is not drawn. Where a filter takes out the lines with which groups begin, nothing is folded.
 */
import type { LogStream } from "@cronium/protocol/log-frame";
import { type Piece, readAnsiLine, styleAfter } from "./ansi.ts";
import type { LogBuffer, LogLine } from "./buffer.ts";
import { type Folds, isFolded } from "./folds.ts";
import { groupTitle, type Level } from "./hints.ts";
import { MAX_DRAWN, RowIndex, wrapPieces } from "./rows.ts";

import { t } from "../text.ts";

export interface RowModelOptions {
  /** Characters per row when wrapping; null for one row per line. */
  readonly columns: number | null;
  readonly stream: LogStream | null;
  /** Numbers of lines whose overwritten text is shown. */
  readonly expanded: ReadonlySet<number>;
  /** `warning` keeps errors as well; null for every line. */
  readonly level: Level | null;
  readonly folds: Folds;
  /** Number of a line that is wanted: groups around it are not folded. Null for none. */
  readonly reveal: number | null;
}

/** What a folded group does not show. */
interface Folded {
  readonly lines: number;
  readonly errors: number;
}

export interface Group {
  readonly isFolded: boolean;
  readonly hidden: Folded;
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
  /** Indices of the lines that are shown. */
  private readonly kept: number[] = [];
  private readonly index: RowIndex | null;
  private readonly drawnLines = new WeakMap<LogLine, DrawnLine>();
  /** Numbers of the lines with which groups begin around the wanted line. */
  private readonly revealed: ReadonlySet<number>;
  private readonly isFolding: boolean;
  private readonly hidden = new Map<number, Folded>();
  /** Groups around the line that is next, innermost last. */
  private open: number[] = [];
  /** The outermost of them that is folded. */
  private shut: number | null = null;
  private attempt = 0;
  private scanned = 0;
  private settled = 0;

  constructor(buffer: LogBuffer, options: RowModelOptions) {
    this.buffer = buffer;
    this.options = options;
    this.isFolding = options.level === null && options.stream !== "stderr" && options.stream !== "system";
    this.revealed = groupsAround(buffer, options.reveal);
    this.index = options.columns === null ? null : new RowIndex();
    this.sync();
  }

  /** Takes in lines that arrived since; unfinished ones are measured anew. */
  sync(): void {
    this.kept.length = this.settled;
    this.index?.cut(this.settled);
    const finished = this.buffer.finishedCount;
    for (let i = this.scanned; i < finished; i += 1) {
      this.take(i, true);
    }
    this.scanned = finished;
    this.settled = this.kept.length;
    for (let i = finished; i < this.buffer.count; i += 1) {
      this.take(i, false);
    }
  }

  get rowCount(): number {
    return this.index?.rowCount ?? this.kept.length;
  }

  row(row: number): Row | undefined {
    const position = this.index === null ? row : this.index.lineAt(row);
    const line = this.buffer.line(this.kept[position] ?? -1);
    return line === undefined
      ? undefined
      : { line, part: this.index === null ? 0 : row - this.index.firstRow(position) };
  }

  /** First row of the line at `lineIndex`, or of the next one that is shown. */
  rowOfLine(lineIndex: number): number {
    let low = 0;
    let high = this.kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.kept[middle] ?? 0) < lineIndex) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const position = Math.min(low, this.kept.length - 1);
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

  /** Null where this line begins no group, or is shown as any other. */
  groupAt(line: LogLine): Group | null {
    return line.fold === "start" && this.isFolding
      ? { isFolded: this.isShut(line.number), hidden: this.hidden.get(line.number) ?? NOTHING }
      : null;
  }

  private take(index: number, isFinished: boolean): void {
    const line = this.buffer.line(index);
    if (line === undefined || !this.isPicked(line) || this.isHidden(line, isFinished)) {
      return;
    }
    this.kept.push(index);
    this.index?.add(this.measure(line, this.options.columns ?? 1));
  }

  private isPicked(line: LogLine): boolean {
    const { stream, level } = this.options;
    return (
      line.mark !== null ||
      ((stream === null || line.stream === stream) &&
        (level === null || line.level === level || line.level === "error"))
    );
  }

  private isShut(number: number): boolean {
    return isFolded(this.options.folds, number) && !this.revealed.has(number);
  }

  /** Walks into groups and out of them, line by line. Unfinished lines neither begin nor end one. */
  private isHidden(line: LogLine, isFinished: boolean): boolean {
    if (!this.isFolding) {
      return false;
    }
    if (line.attempt !== this.attempt) {
      this.attempt = line.attempt;
      this.open = [];
      this.shut = null;
    }
    if (line.mark !== null) {
      return false;
    }
    if (line.fold === "end") {
      const ended = this.open.pop();
      this.shut = this.shut === ended ? null : this.shut;
      return true;
    }
    const { shut } = this;
    if (shut !== null && isFinished) {
      const before = this.hidden.get(shut) ?? NOTHING;
      const errors = before.errors + (line.level === "error" ? 1 : 0);
      this.hidden.set(shut, { lines: before.lines + 1, errors });
    }
    if (line.fold === "start") {
      this.open.push(line.number);
      if (shut === null && this.isShut(line.number)) {
        this.shut = line.number;
      }
    }
    return shut !== null;
  }

  private measure(line: LogLine, columns: number): number {
    const length = line.text.length;
    if (line.mark !== null || (this.isFolding && line.fold === "start") || length * 8 <= columns) {
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
    const isTitle = this.isFolding && line.fold === "start";
    if (isTitle) {
      text = groupTitle(text);
    }
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
    // A title stays on its row, beside the button that folds.
    const rows = this.options.columns === null || isTitle ? [pieces] : wrapPieces(pieces, this.options.columns);
    return { rows, overwritten: overwritten + read.overwritten };
  }
}

const NOTHING: Folded = { lines: 0, errors: 0 };

function groupsAround({ groups }: LogBuffer, number: number | null): ReadonlySet<number> {
  if (number === null) {
    return new Set();
  }
  const around = groups.filter(({ from, to }) => from < number && (to === null || number <= to));
  return new Set(around.map(({ from }) => from));
}
