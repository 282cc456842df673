import { type Cell, printTable } from "../output/table.ts";
import type { Cli } from "./context.ts";

type Row = readonly (string | Cell)[];

/** What a list verb found: as the API answered it for a program, a row for each item for a person. */
export function printPage<T>(
  { out }: Cli,
  page: { readonly items: readonly T[] },
  head: readonly string[],
  rowOf: (item: T) => Row,
): void {
  if (out.json) {
    out.value(page);
  } else {
    printTable(out, head, page.items.map(rowOf));
  }
}

/** As `printPage`, of a verb that takes `--cursor`: says how to go on. */
export function printPart<T>(
  cli: Cli,
  page: { readonly items: readonly T[]; readonly nextCursor: string | null },
  head: readonly string[],
  rowOf: (item: T) => Row,
): void {
  printPage(cli, page, head, rowOf);
  if (!cli.out.json && page.nextCursor !== null) {
    cli.out.say(`There are more: --cursor ${page.nextCursor}`);
  }
}
