/**
 * Regular expressions of users, matched in time linear to the text: all states that the pattern may be in are walked
 * together (Thompson 1968), so nothing is ever tried again. What cannot be matched that way, back-references and looking
 * around, is refused, and so is a pattern that would blow up in the engines of browsers and scripts, where the same
 * schema may be used.
 */
import { parsePattern, type Piece } from "./regex-syntax.ts";

export type RegexFault = {
  readonly ok: false;
  readonly code: "invalid_regex" | "unsafe_regex";
  readonly message: string;
};

export interface LinearRegex {
  /** `spend` is told the steps, about one for each character and state; it may throw. */
  test(text: string, spend: (steps: number) => void): boolean;
}

export const MAX_PATTERN_CHARS = 512;
/** After counted repeats are written out. */
const MAX_STATES = 1_000;

type State =
  | { readonly kind: "char"; readonly matches: (char: string) => boolean; next: number }
  | { readonly kind: "split"; readonly next: number[] }
  | { readonly kind: "start" | "end"; next: number }
  | { readonly kind: "done" };

/** As JSON Schema has it: found anywhere in the text, by code points. */
export function compileRegex(pattern: string): { readonly ok: true; readonly regex: LinearRegex } | RegexFault {
  if (pattern.length > MAX_PATTERN_CHARS) {
    return unsafe(`has ${pattern.length} characters; at most ${MAX_PATTERN_CHARS} are taken`);
  }
  try {
    // The engine at hand knows the whole syntax; what it refuses needs no reading here.
    void new RegExp(pattern, "u");
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : String(error);
    return { ok: false, code: "invalid_regex", message: `is no regular expression: ${why}` };
  }
  const parsed = parsePattern(pattern);
  if (typeof parsed === "string") {
    return unsafe(parsed);
  }
  if (repeatsRepeats(parsed)) {
    return unsafe("repeats what repeats itself already, such as (a+)+, which takes for ever in other engines");
  }
  const states: State[] = [{ kind: "done" }];
  const start = build(parsed, 0, states);
  return start === null
    ? unsafe(`needs more than ${MAX_STATES} states; use smaller counts`)
    : { ok: true, regex: { test: (text, spend) => search(states, start, text, spend) } };
}

/**
 * Why a pattern is not taken for names of properties, which the library hands to the engine at hand; null when it is. With
 * one open-ended repeat and few ways, the cost of a name is at most the square of its length.
 */
export function whyNotForNames(pattern: string): string | null {
  const parsed = parsePattern(pattern);
  const ways = typeof parsed === "string" ? null : waysOf(parsed);
  return ways !== null && ways.open <= 1 && ways.choices <= 4
    ? null
    : "may hold one repeat such as + or *, and four other choices, because it is for names of properties";
}

function waysOf(piece: Piece): { readonly open: number; readonly choices: number } {
  const of = (parts: readonly Piece[]): { open: number; choices: number } => {
    const found = parts.map(waysOf);
    return {
      open: found.reduce((sum, { open }) => sum + open, 0),
      choices: found.reduce((sum, { choices }) => sum + choices, 0),
    };
  };
  switch (piece.kind) {
    case "sequence":
      return of(piece.parts);
    case "choice": {
      const { open, choices } = of(piece.parts);
      return { open, choices: choices + piece.parts.length - 1 };
    }
    case "repeat": {
      const { open, choices } = waysOf(piece.part);
      const times = piece.max ?? 2;
      const isOpen = piece.max === null || (piece.max > 1 && piece.max > piece.min);
      return {
        open: open * times + (isOpen ? 1 : 0),
        choices: choices * times + (isOpen || piece.max === piece.min ? 0 : 1),
      };
    }
    default:
      return { open: 0, choices: 0 };
  }
}

function unsafe(message: string): RegexFault {
  return { ok: false, code: "unsafe_regex", message };
}

/** Whether one round of a repeat may consist of another repeat alone. */
function repeatsRepeats(piece: Piece): boolean {
  switch (piece.kind) {
    case "sequence":
    case "choice":
      return piece.parts.some(repeatsRepeats);
    case "repeat":
      return (isMany(piece) && mayBeOneRepeat(piece.part)) || repeatsRepeats(piece.part);
    default:
      return false;
  }
}

function isMany({ max }: { readonly max: number | null }): boolean {
  return max === null || max > 10;
}

function mayBeOneRepeat(piece: Piece): boolean {
  switch (piece.kind) {
    case "choice":
      return piece.parts.some(mayBeOneRepeat);
    case "sequence": {
      const needed = piece.parts.filter((part) => !isNullable(part));
      return needed.length === 0
        ? piece.parts.some(mayBeOneRepeat)
        : needed.length === 1 && needed.some(mayBeOneRepeat);
    }
    case "repeat":
      return piece.max === null || piece.max > Math.max(1, piece.min) || mayBeOneRepeat(piece.part);
    default:
      return false;
  }
}

function isNullable(piece: Piece): boolean {
  switch (piece.kind) {
    case "choice":
      return piece.parts.some(isNullable);
    case "sequence":
      return piece.parts.every(isNullable);
    case "repeat":
      return piece.min === 0 || isNullable(piece.part);
    case "char":
      return false;
    default:
      return true;
  }
}

/** The state to begin in so that `next` follows; null when there are too many. */
function build(piece: Piece, next: number, states: State[]): number | null {
  if (states.length > MAX_STATES) {
    return null;
  }
  const add = (state: State): number => states.push(state) - 1;
  switch (piece.kind) {
    case "char":
      return add({ kind: "char", matches: piece.matches, next });
    case "start":
    case "end":
      return add({ kind: piece.kind, next });
    case "sequence":
      return piece.parts.reduceRight<number | null>((to, part) => (to === null ? null : build(part, to, states)), next);
    case "choice": {
      const ways = piece.parts.map((part) => build(part, next, states));
      const known = ways.filter((way) => way !== null);
      return known.length < ways.length ? null : add({ kind: "split", next: known });
    }
    case "repeat":
      return buildRepeat(piece, next, states);
    default:
      return piece satisfies never;
  }
}

function buildRepeat(
  { part, min, max }: Extract<Piece, { kind: "repeat" }>,
  next: number,
  states: State[],
): number | null {
  let to: number | null = next;
  if (max === null) {
    const ways: number[] = [next];
    to = states.push({ kind: "split", next: ways }) - 1;
    const again = build(part, to, states);
    if (again === null) {
      return null;
    }
    ways.push(again);
  } else {
    for (let i = min; i < max && to !== null; i += 1) {
      const once = build(part, to, states);
      to = once === null ? null : states.push({ kind: "split", next: [next, once] }) - 1;
    }
  }
  for (let i = 0; i < min && to !== null; i += 1) {
    to = build(part, to, states);
  }
  return to;
}

function search(states: readonly State[], start: number, text: string, spend: (steps: number) => void): boolean {
  let current: number[] = [];
  let at = 0;
  const chars = text[Symbol.iterator]();
  for (;;) {
    const seen = new Uint8Array(states.length);
    const here: number[] = [];
    // Beginning anew at each character finds the pattern anywhere.
    const open = [...current, start];
    let steps = 0;
    for (let n = open.pop(); n !== undefined; n = open.pop()) {
      const state = states[n];
      if (state === undefined || seen[n] === 1) {
        continue;
      }
      seen[n] = 1;
      steps += 1;
      if (state.kind === "done") {
        return true;
      }
      if (state.kind === "char") {
        here.push(n);
      } else if (state.kind === "split") {
        open.push(...state.next);
      } else if (state.kind === "start" ? at === 0 : at === text.length) {
        open.push(state.next);
      }
    }
    spend(steps / 16);
    const { value: char, done } = chars.next();
    if (done === true) {
      return false;
    }
    at += char.length;
    current = here.flatMap((n) => {
      const state = states[n];
      return state?.kind === "char" && state.matches(char) ? [state.next] : [];
    });
  }
}
