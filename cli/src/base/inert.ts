/**
 * Makes text of strangers harmless on a terminal: colours and line movement stay, everything else that a terminal would
 * obey (titles, clipboard, cursor jumps, bidirectional overrides) is shown as what it is. Sequences may be cut anywhere
 * between two pieces, so an unfinished one is carried over.
 */

/** An escape sequence that has begun and is not over. */
const UNFINISHED = /\u001b(?:\[[0-9;:?<=>!]{0,40})?$/;
const COLOUR = /^\u001b\[[0-9;:]*m/;

export class InertText {
  #carry = "";

  push(piece: string): string {
    const text = this.#carry + piece;
    const cut = UNFINISHED.exec(text)?.index ?? text.length;
    this.#carry = text.slice(cut);
    return inert(text.slice(0, cut));
  }

  /** What was carried and never finished. */
  end(): string {
    const rest = inert(this.#carry);
    this.#carry = "";
    return rest;
  }
}

export function inert(text: string): string {
  let out = "";
  for (let at = 0; at < text.length;) {
    const colour = text.charCodeAt(at) === 0x1b ? COLOUR.exec(text.slice(at, at + 64)) : null;
    if (colour !== null) {
      out += colour[0];
      at += colour[0].length;
    } else {
      out += shown(text.charAt(at));
      at += 1;
    }
  }
  return out;
}

/** For one cell of a table: no colours and no line breaks either. */
export function oneLine(text: string): string {
  return inert(text).replaceAll("\u001b", "␛").replaceAll(/\s+/g, " ");
}

function shown(char: string): string {
  const code = char.charCodeAt(0);
  if (char === "\n" || char === "\t" || char === "\r") {
    return char;
  }
  if (code < 0x20) {
    return String.fromCharCode(0x2400 + code);
  }
  if (code === 0x7f) {
    return "␡";
  }
  return /[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/.test(char) ? "\ufffd" : char;
}
