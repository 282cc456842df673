/** Rows for a person as aligned columns, for a program as tab-separated values without a heading. */
import { oneLine } from "../base/inert.ts";
import type { Output, Style } from "./output.ts";

export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

export function printTable(out: Output, head: readonly string[], rows: readonly (readonly (string | Cell)[])[]): void {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === "string" ? { text: oneLine(cell) } : { ...cell, text: oneLine(cell.text) })),
  );
  if (!out.terminal) {
    for (const row of cells) {
      out.line(row.map(({ text }) => text).join("\t"));
    }
    return;
  }
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.text.length ?? 0)),
  );
  fit(widths, out.width ?? 80);
  out.line(
    out.style(
      "gray",
      head
        .map((title, column) => pad(title, widths, column))
        .join("  ")
        .trimEnd(),
    ),
  );
  for (const row of cells) {
    const line = row.map((cell, column) => {
      const text = pad(cell.text, widths, column);
      return cell.style === undefined ? text : out.style(cell.style, text);
    });
    out.line(line.join("  ").trimEnd());
  }
}

/** Names and values, one on each line. */
export function printFacts(
  out: Output,
  facts: readonly (readonly [name: string, value: string | Cell | null])[],
): void {
  const present = facts.flatMap(([name, value]) => (value === null || value === "" ? [] : [[name, value] as const]));
  const width = Math.max(0, ...present.map(([name]) => name.length));
  for (const [name, value] of present) {
    const { text, style } = typeof value === "string" ? { text: value, style: undefined } : value;
    const shown = style === undefined ? oneLine(text) : out.style(style, oneLine(text));
    out.line(out.terminal ? `${out.style("gray", name.padEnd(width))}  ${shown}` : `${name}\t${shown}`);
  }
}

/** The widest columns give way until the line fits; ids, which stand first, never do. */
function fit(widths: number[], total: number): void {
  const least = 12;
  for (;;) {
    const used = widths.reduce((sum, width) => sum + width + 2, -2);
    const widest = widths.reduce((best, width, at) => (at > 0 && width > (widths[best] ?? 0) ? at : best), 1);
    const width = widths[widest] ?? 0;
    if (used <= total || widths.length < 2 || width <= least) {
      return;
    }
    widths[widest] = Math.max(least, width - (used - total));
  }
}

function pad(text: string, widths: readonly number[], column: number): string {
  const width = widths[column] ?? 0;
  const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
  return cut.padEnd(width);
}
