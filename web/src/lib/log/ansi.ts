/**
 * Reads one line of a log into pieces that are safe to draw.
 *
 * What a script prints is data from a stranger. The result holds text, a style and at most an http(s) address per
 * piece; it never holds markup, and a caller draws it as text nodes. Of all control sequences only SGR (colour and
 * weight) and OSC 8 (links) have an effect. Every other CSI, OSC, DCS, APC, PM and SOS sequence is dropped, cursor
 * movement included, so a line can neither overwrite another nor hide what stands beside it. A sequence that does not
 * end on its line loses its introducer alone: the rest of the line stays visible.
 *
 * Characters that reorder or hide text (bidi controls, zero-width characters, line separators, tags) appear as
 * `⟨U+202E⟩`. A carriage return restarts the line, as progress bars expect; `overwritten` counts what it covered.
 */
import { type Style, applySgr } from "./style.ts";
import { autolink, safeLink } from "./links.ts";

export interface Piece {
  readonly text: string;
  readonly style: Style;
  /** An http or https address; absent for plain text. */
  readonly href?: string;
  /** Stands for a character that would not show itself. */
  readonly escaped?: true;
}

export interface AnsiLine {
  readonly pieces: readonly Piece[];
  /** Style that the next line of this stream starts with. */
  readonly end: Style;
  /** How often a carriage return replaced what stood before it. */
  readonly overwritten: number;
}

const ESC = 0x1b;
const BEL = 0x07;
const ST = 0x9c;
/** `P X ^ _` after ESC and their one-character forms: strings that end at ST. */
const STRING_INTRODUCERS = new Set([0x50, 0x58, 0x5e, 0x5f]);
const HIDDEN = /[\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/u;
const SPECIAL = /(?!\t)[\p{Cc}\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

export interface ReadOptions {
  /** Show overwritten text too, each restart as a mark. Default false. */
  readonly expand?: boolean;
}

/** Reads `line` (without its line end) that starts in style `start`. */
export function readAnsiLine(line: string, start: Style, options: ReadOptions = {}): AnsiLine {
  const sink = new PieceSink(options.expand === true);
  const end = walk(line, start, sink);
  return { pieces: sink.finish(), end, overwritten: sink.overwritten };
}

/** The style behind `line` without building its pieces. */
export function styleAfter(line: string, start: Style): Style {
  return line.includes("\u001b") || line.includes("\u009b") ? walk(line, start, null) : start;
}

function walk(line: string, start: Style, sink: PieceSink | null): Style {
  let style = start;
  let at = 0;
  SPECIAL.lastIndex = 0;
  for (;;) {
    SPECIAL.lastIndex = at;
    const match = SPECIAL.exec(line);
    const next = match === null ? line.length : match.index;
    if (next > at) {
      sink?.text(line.slice(at, next), style);
    }
    if (match === null) {
      return style;
    }
    const char = match[0];
    const code = char.codePointAt(0) ?? 0;
    if (code === ESC || (code >= 0x80 && code <= 0x9f)) {
      const sequence = readSequence(line, next, code);
      at = sequence.end;
      if (sequence.sgr !== undefined) {
        style = applySgr(style, sequence.sgr);
      } else if (sequence.link !== undefined) {
        sink?.link(safeLink(sequence.link));
      }
    } else {
      at = next + char.length;
      if (code === 0x0d) {
        sink?.carriageReturn(style);
      } else if (HIDDEN.test(char)) {
        sink?.escaped(`⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`, style);
      } else if (code === 0) {
        sink?.escaped("␀", style);
      }
    }
  }
}

interface Sequence {
  readonly end: number;
  readonly sgr?: string;
  readonly link?: string;
}

/** Reads the control sequence at `from`; `end` is behind it. */
function readSequence(line: string, from: number, code: number): Sequence {
  const introducer = code === ESC ? line.charCodeAt(from + 1) : code - 0x40;
  const body = from + (code === ESC ? 2 : 1);
  if (code === ESC && Number.isNaN(introducer)) {
    return { end: from + 1 };
  }
  if (introducer === 0x5b) {
    return readCsi(line, body);
  }
  if (introducer === 0x5d) {
    return readOsc(line, body);
  }
  if (STRING_INTRODUCERS.has(introducer)) {
    return { end: stringEnd(line, body)?.after ?? body };
  }
  if (code !== ESC) {
    return { end: body };
  }
  let at = from + 1;
  while (isIntermediate(line.charCodeAt(at))) {
    at += 1;
  }
  const final = line.charCodeAt(at);
  return { end: final >= 0x30 && final <= 0x7e ? at + 1 : at };
}

function isIntermediate(code: number): boolean {
  return code >= 0x20 && code <= 0x2f;
}

function readCsi(line: string, body: number): Sequence {
  let at = body;
  while (line.charCodeAt(at) >= 0x30 && line.charCodeAt(at) <= 0x3f) {
    at += 1;
  }
  const params = line.slice(body, at);
  const beforeFinal = at;
  while (isIntermediate(line.charCodeAt(at))) {
    at += 1;
  }
  const final = line.charCodeAt(at);
  if (!(final >= 0x40 && final <= 0x7e)) {
    return { end: at };
  }
  const isSgr = final === 0x6d && at === beforeFinal && /^[\d;:]{0,256}$/.test(params);
  return isSgr ? { end: at + 1, sgr: params } : { end: at + 1 };
}

function readOsc(line: string, body: number): Sequence {
  const string = stringEnd(line, body);
  if (string === null) {
    return { end: body };
  }
  const link = /^8;[^;]*;([\s\S]*)$/.exec(line.slice(body, string.end));
  return link === null ? { end: string.after } : { end: string.after, link: link[1] ?? "" };
}

/** Where a control string ends and what follows it; null when it does not end on this line. */
function stringEnd(line: string, body: number): { readonly end: number; readonly after: number } | null {
  for (let at = body; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code === BEL || code === ST) {
      return { end: at, after: at + 1 };
    }
    if (code === ESC) {
      return line[at + 1] === "\\" ? { end: at, after: at + 2 } : { end: at, after: at };
    }
  }
  return null;
}

class PieceSink {
  overwritten = 0;
  private pieces: Piece[] = [];
  private href: string | null = null;
  private restart = false;
  private readonly expand: boolean;

  constructor(expand: boolean) {
    this.expand = expand;
  }

  text(text: string, style: Style): void {
    this.beforeText(style);
    if (this.href !== null) {
      this.pieces.push({ text, style, href: this.href });
      return;
    }
    for (const part of autolink(text)) {
      this.pieces.push(
        part.href === undefined ? { text: part.text, style } : { text: part.text, style, href: part.href },
      );
    }
  }

  escaped(text: string, style: Style): void {
    this.beforeText(style);
    this.pieces.push({ text, style, escaped: true });
  }

  link(href: string | null): void {
    this.closeLink();
    this.href = href;
  }

  carriageReturn(style: Style): void {
    if (this.expand) {
      this.escaped("␍", style);
    } else {
      this.restart = true;
    }
  }

  finish(): readonly Piece[] {
    this.closeLink();
    return this.pieces;
  }

  private beforeText(_style: Style): void {
    if (this.restart) {
      this.restart = false;
      if (this.pieces.length > 0) {
        this.overwritten += 1;
        this.pieces = [];
      }
    }
  }

  /** The text of an OSC 8 link may claim anything, so its real host is written behind it. */
  private closeLink(): void {
    const last = this.pieces.at(-1);
    if (this.href === null || last?.href !== this.href) {
      return;
    }
    const shown = this.pieces
      .filter((piece) => piece.href === this.href)
      .map((piece) => piece.text)
      .join("");
    if (shown !== this.href) {
      this.pieces.push({ text: ` (${new URL(this.href).host})`, style: last.style });
    }
    this.href = null;
  }
}
