import type { ReactNode } from "react";
import { classes } from "../ui/classes.ts";

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  /** The width below which the column is left out; always shown by default. */
  readonly from?: "sm" | "md" | "lg" | "xl";
  readonly align?: "right";
  /** Takes the room that is left and cuts its text with an ellipsis. */
  readonly grows?: boolean;
}

export interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
}

const FROM = {
  sm: "hidden sm:table-cell",
  md: "hidden md:table-cell",
  lg: "hidden lg:table-cell",
  xl: "hidden xl:table-cell",
} as const;

/**
 * Rows of 32 px in full width. A row is opened by the link in one of its cells, whose `after:` box covers the row
 * (`rowLink`), so that mouse, keyboard and screen reader meet the same one link.
 */
export function DataTable<Row>({ label, columns, rows, rowKey }: DataTableProps<Row>): ReactNode {
  return (
    <table aria-label={label} className="w-full border-collapse text-13">
      <thead>
        <tr className="border-b border-line">
          {columns.map((column) => (
            <th
              key={column.key}
              scope="col"
              className={classes(
                "h-8 whitespace-nowrap px-3 text-left text-12 font-medium text-faint first:pl-4 last:pr-4 lg:first:pl-6 lg:last:pr-6",
                column.align === "right" && "text-right",
                column.grows === true && "w-full",
                column.from !== undefined && FROM[column.from],
              )}
            >
              {column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)} className="relative border-b border-line hover:bg-hover">
            {columns.map((column) => (
              <td
                key={column.key}
                className={classes(
                  "h-8 whitespace-nowrap px-3 py-0 first:pl-4 last:pr-4 pointer-coarse:h-11 lg:first:pl-6 lg:last:pr-6",
                  column.align === "right" && "text-right",
                  column.grows === true && "max-w-0",
                  column.from !== undefined && FROM[column.from],
                )}
              >
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Classes of the link that opens its row. */
export const rowLink =
  "after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-live";
