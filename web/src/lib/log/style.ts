/**
 * Text style as a log may set it by SGR sequences, the only sequences that have an effect. A colour is one of the 16
 * theme colours by number, or a true colour as `#rrggbb`.
 */

export type Colour = number | string | null;

export interface Style {
  readonly fg: Colour;
  readonly bg: Colour;
  /** Bits of `BOLD`, `DIM`, … */
  readonly flags: number;
}

export const BOLD = 1;
export const DIM = 2;
export const ITALIC = 4;
export const UNDERLINE = 8;
export const INVERSE = 16;
export const STRIKE = 32;

export const PLAIN: Style = { fg: null, bg: null, flags: 0 };

/** The style after one SGR sequence; `params` is what stands between `ESC [` and `m`. Unknown codes change nothing. */
export function applySgr(style: Style, params: string): Style {
  let { fg, bg, flags } = style;
  const codes = params.split(";");
  for (let i = 0; i < codes.length; i += 1) {
    const part = codes[i] ?? "";
    const sub = part.split(":");
    const code = sub[0] === "" ? 0 : Number(sub[0]);
    if (code === 38 || code === 48) {
      const [colour, used] = sub.length > 1 ? [colonColour(sub), 0] : semicolonColour(codes, i + 1);
      i += used;
      if (colour !== undefined) {
        if (code === 38) {
          fg = colour;
        } else {
          bg = colour;
        }
      }
    } else if (code === 0) {
      fg = null;
      bg = null;
      flags = 0;
    } else if (code === 4 && sub[1] === "0") {
      flags &= ~UNDERLINE;
    } else if (code >= 30 && code <= 37) {
      fg = code - 30;
    } else if (code >= 90 && code <= 97) {
      fg = code - 82;
    } else if (code >= 40 && code <= 47) {
      bg = code - 40;
    } else if (code >= 100 && code <= 107) {
      bg = code - 92;
    } else if (code === 39) {
      fg = null;
    } else if (code === 49) {
      bg = null;
    } else {
      flags = (flags | (SET[code] ?? 0)) & ~(CLEAR[code] ?? 0);
    }
  }
  return { fg, bg, flags };
}

const SET: Readonly<Record<number, number>> = {
  1: BOLD,
  2: DIM,
  3: ITALIC,
  4: UNDERLINE,
  7: INVERSE,
  9: STRIKE,
  21: UNDERLINE,
};

const CLEAR: Readonly<Record<number, number>> = {
  22: BOLD | DIM,
  23: ITALIC,
  24: UNDERLINE,
  27: INVERSE,
  29: STRIKE,
};

function semicolonColour(codes: readonly string[], at: number): [Colour | undefined, number] {
  if (codes[at] === "5") {
    return [paletteColour(codes[at + 1]), 2];
  }
  if (codes[at] === "2") {
    return [trueColour(codes[at + 1], codes[at + 2], codes[at + 3]), 4];
  }
  return [undefined, 0];
}

/** `38:5:n`, `38:2:r:g:b`, and `38:2:<colour space>:r:g:b` of ISO 8613-6. */
function colonColour(sub: readonly string[]): Colour | undefined {
  if (sub[1] === "5") {
    return paletteColour(sub[2]);
  }
  if (sub[1] === "2") {
    const from = sub.length >= 6 ? 3 : 2;
    return trueColour(sub[from], sub[from + 1], sub[from + 2]);
  }
  return undefined;
}

function byte(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{0,3}$/.test(text)) {
    return undefined;
  }
  const value = Number(text);
  return value <= 255 ? value : undefined;
}

function paletteColour(text: string | undefined): Colour | undefined {
  const index = byte(text);
  if (index === undefined || index < 16) {
    return index;
  }
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return hex(grey, grey, grey);
  }
  const cube = index - 16;
  const level = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  return hex(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function trueColour(r: string | undefined, g: string | undefined, b: string | undefined): Colour | undefined {
  const red = byte(r);
  const green = byte(g);
  const blue = byte(b);
  return red === undefined || green === undefined || blue === undefined ? undefined : hex(red, green, blue);
}

function hex(r: number, g: number, b: number): string {
  return `#${[r, g, b].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
