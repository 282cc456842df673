/**
 * Reads the text of a regular expression that JavaScript accepts under the flag `u`. A set such as `[^a-z\d]` is handed
 * back to the engine at hand, for a single character at a time, which costs the same whatever it holds.
 */

export type Piece =
  | { readonly kind: "char"; readonly matches: (char: string) => boolean }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly Piece[] }
  /** `max` null: without end. */
  | { readonly kind: "repeat"; readonly part: Piece; readonly min: number; readonly max: number | null };

const MAX_NESTING = 20;
const COUNT = /^\{(\d+)(?:(,)(\d*))?\}/;
const NAMED_GROUP = /^\(\?<[^=!>][^>]*>/;

/** A sentence where it holds what cannot be matched in linear time. `pattern` must be accepted by `RegExp`. */
export function parsePattern(pattern: string): Piece | string {
  const reader = new Reader(pattern);
  try {
    return reader.choice(0);
  } catch (error) {
    if (error instanceof NotLinear) {
      return error.message;
    }
    throw error;
  }
}

class NotLinear extends Error {}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  choice(depth: number): Piece {
    if (depth > MAX_NESTING) {
      throw new NotLinear(`nests groups deeper than ${MAX_NESTING} levels`);
    }
    const parts = [this.#sequence(depth)];
    while (this.#text[this.#at] === "|") {
      this.#at += 1;
      parts.push(this.#sequence(depth));
    }
    return { kind: "choice", parts };
  }

  #sequence(depth: number): Piece {
    const parts: Piece[] = [];
    while (this.#at < this.#text.length && !"|)".includes(this.#text.charAt(this.#at))) {
      parts.push(this.#repeated(this.#atom(depth)));
    }
    return { kind: "sequence", parts };
  }

  #repeated(part: Piece): Piece {
    const sign = this.#text.charAt(this.#at);
    const count = COUNT.exec(this.#text.slice(this.#at, this.#at + 32));
    if (count === null && !["*", "+", "?"].includes(sign)) {
      return part;
    }
    this.#at += count === null ? 1 : count[0].length;
    // A lazy repeat finds another match, never none.
    if (this.#text[this.#at] === "?") {
      this.#at += 1;
    }
    if (count === null) {
      return { kind: "repeat", part, min: sign === "+" ? 1 : 0, max: sign === "?" ? 1 : null };
    }
    const min = Number(count[1]);
    const max = count[2] === undefined ? min : count[3] === "" ? null : Number(count[3]);
    return { kind: "repeat", part, min, max };
  }

  #atom(depth: number): Piece {
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    if (char === "(") {
      return this.#group(depth);
    }
    if (char === "[") {
      return this.#set(this.#endOfSet());
    }
    if (char === "\\") {
      return this.#escape();
    }
    this.#at += char.length;
    if (char === "^" || char === "$") {
      return { kind: char === "^" ? "start" : "end" };
    }
    return char === "." ? single(".") : { kind: "char", matches: (one) => one === char };
  }

  #group(depth: number): Piece {
    const rest = this.#text.slice(this.#at);
    const named = NAMED_GROUP.exec(rest);
    if (named === null && rest.startsWith("(?") && !rest.startsWith("(?:")) {
      throw new NotLinear("looks ahead, looks behind or sets flags, which is not taken here");
    }
    this.#at += named?.[0].length ?? (rest.startsWith("(?:") ? 3 : 1);
    const piece = this.choice(depth + 1);
    this.#at += 1;
    return piece;
  }

  #endOfSet(): number {
    let end = this.#at + 1;
    while (this.#text[end] !== "]") {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    return end + 1;
  }

  #set(end: number): Piece {
    const source = this.#text.slice(this.#at, end);
    this.#at = end;
    return single(source);
  }

  #escape(): Piece {
    const rest = this.#text.slice(this.#at);
    if (/^\\[1-9k]/.test(rest)) {
      throw new NotLinear("refers back to a group, which is not taken here");
    }
    if (/^\\[bB]/.test(rest)) {
      throw new NotLinear("asks for the edge of a word, which is not taken here");
    }
    const long =
      /^\\(?:u\{[^}]*\}|u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u.{4}|x..|c.|[pP]\{[^}]*\})/.exec(rest);
    const short = `\\${String.fromCodePoint(rest.codePointAt(1) ?? 0)}`;
    return this.#set(this.#at + (long?.[0] ?? short).length);
  }
}

/** One character, by the engine at hand; for ASCII it is asked once. */
function single(source: string): Piece {
  const regex = new RegExp(`^(?:${source})$`, "u");
  const known = new Int8Array(128);
  return {
    kind: "char",
    matches: (char) => {
      const code = char.charCodeAt(0);
      if (code >= 128) {
        return regex.test(char);
      }
      const seen = known[code];
      if (seen !== 0) {
        return seen === 1;
      }
      const matches = regex.test(char);
      known[code] = matches ? 1 : -1;
      return matches;
    },
  };
}
