import type { CSSProperties, ReactNode } from "react";
import type { Piece } from "../../lib/log/ansi.ts";
import { BOLD, DIM, INVERSE, ITALIC, STRIKE, type Style, UNDERLINE } from "../../lib/log/style.ts";

/** One row of a log as text nodes and spans with fixed classes; log text never becomes markup. */
export function LogPieces({ pieces }: { readonly pieces: readonly Piece[] }): ReactNode {
  return pieces.map((piece, index) => <LogPiece key={index} piece={piece} />);
}

function LogPiece({ piece }: { readonly piece: Piece }): ReactNode {
  const { text, style, href, escaped } = piece;
  const className = styleClasses(style, escaped === true);
  const colours = styleColours(style);
  if (href !== undefined) {
    return (
      <a
        href={href}
        target="_blank"
        rel="noopener noreferrer"
        className={`${className} underline decoration-dotted underline-offset-2 hover:decoration-solid`}
        style={colours}
      >
        {text}
      </a>
    );
  }
  if (className === "" && colours === undefined) {
    return text;
  }
  return (
    <span className={className} style={colours}>
      {text}
    </span>
  );
}

function styleClasses(style: Style, escaped: boolean): string {
  const { fg, bg, flags } = style;
  const names: string[] = [];
  if ((flags & BOLD) !== 0) {
    names.push("ansi-b");
  }
  if ((flags & DIM) !== 0) {
    names.push("ansi-d");
  }
  if ((flags & ITALIC) !== 0) {
    names.push("ansi-i");
  }
  if ((flags & UNDERLINE) !== 0) {
    names.push("ansi-u");
  }
  if ((flags & STRIKE) !== 0) {
    names.push("ansi-s");
  }
  if ((flags & INVERSE) !== 0) {
    names.push("ansi-inv");
  } else if (bg !== null) {
    names.push("ansi-bg");
    if (typeof bg === "number") {
      names.push(`ansi-k${bg}`);
    }
  } else if (fg !== null) {
    names.push(typeof fg === "number" ? `ansi-f${fg}` : "ansi-frgb");
  }
  if (escaped) {
    names.push("ansi-esc");
  }
  return names.join(" ");
}

/** True colours travel as custom properties; the style sheet decides what becomes of them. */
function styleColours(style: Style): CSSProperties | undefined {
  if ((style.flags & INVERSE) !== 0) {
    return undefined;
  }
  if (typeof style.bg === "string") {
    return { "--ansi-back": style.bg } as CSSProperties;
  }
  return style.bg === null && typeof style.fg === "string" ? ({ "--ansi-fg": style.fg } as CSSProperties) : undefined;
}
