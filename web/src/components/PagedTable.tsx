import type { ReactNode } from "react";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { DataTable, type DataTableProps } from "./DataTable.tsx";
import { Loadable, type LoadableProps } from "./Loadable.tsx";

export interface PagedTableProps<Row> extends DataTableProps<Row> {
  /** Where the rows come from. */
  readonly query: LoadableProps<unknown>["query"] & {
    readonly hasNextPage: boolean;
    readonly isFetchingNextPage: boolean;
    readonly fetchNextPage: () => Promise<unknown>;
  };
  /** How many stand there while they are loaded. Default: 5. */
  readonly loading?: number;
  /** Stands there instead of an empty table. */
  readonly empty: ReactNode;
}

/** A table of rows that come page by page: loading, failed, empty, or there, with a button for the next ones. */
export function PagedTable<Row>({ query, loading = 5, empty, ...table }: PagedTableProps<Row>): ReactNode {
  return (
    <Loadable query={query} rows={loading}>
      {() =>
        table.rows.length === 0 ? (
          empty
        ) : (
          <>
            <DataTable {...table} />
            {query.hasNextPage ? (
              <div className="px-4 py-3 lg:px-6">
                <Button size="small" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {t("action.loadMore")}
                </Button>
              </div>
            ) : null}
          </>
        )
      }
    </Loadable>
  );
}
