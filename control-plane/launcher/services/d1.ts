/**
 * D1 on raw workerd: answers the HTTP protocol of the runtime's own `env.DB` client from the SQLite database of one
 * Durable Object, so that the Worker uses the real D1 API everywhere.
 *
 * `POST /query` and `/execute` carry one `{sql, params}` or a list of them. A list is one transaction. Blobs travel as
 * arrays of bytes. A failure is `{success: false, error}`, which the client turns into `D1_ERROR: …`. The answer leaves
 * only after the write is on disk, which the object's output gate sees to.
 */
import { DurableObject } from "cloudflare:workers";

interface Query {
  readonly sql: string;
  readonly params?: readonly (SqlStorageValue | readonly number[])[] | null;
}
type Cell = string | number | null | number[];

interface Env {
  readonly DATABASE: DurableObjectNamespace;
}

export class Database extends DurableObject {
  override async fetch(request: Request): Promise<Response> {
    const body = await request.json<Query | readonly Query[]>();
    const queries: readonly Query[] = Array.isArray(body) ? body : [body as Query];
    const wantsColumns = new URL(request.url).searchParams.get("resultsFormat") === "ROWS_AND_COLUMNS";
    try {
      const results = this.ctx.storage.transactionSync(() => queries.map((query) => this.#run(query, wantsColumns)));
      return Response.json(results);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return Response.json({ success: false, error: message }, { status: 500 });
    }
  }

  #run(query: Query, wantsColumns: boolean) {
    const { sql } = this.ctx.storage;
    const begin = performance.now();
    const sizeBefore = sql.databaseSize;
    const before = this.#counters();
    const cursor = sql.exec(query.sql, ...(query.params ?? []).map(fromWire));
    const columns = cursor.columnNames;
    const rows = [...cursor.raw()].map((row) => row.map(toWire));
    const after = this.#counters();
    const changes = after.changes - before.changes;
    return {
      success: true,
      results: wantsColumns
        ? { columns, rows }
        : rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]]))),
      meta: {
        served_by: "cronium",
        served_by_primary: true,
        duration: performance.now() - begin,
        changes,
        last_row_id: after.lastRowId,
        changed_db: changes > 0 || sql.databaseSize !== sizeBefore,
        size_after: sql.databaseSize,
        rows_read: cursor.rowsRead,
        rows_written: cursor.rowsWritten,
      },
    };
  }

  #counters(): { readonly changes: number; readonly lastRowId: number } {
    return this.ctx.storage.sql
      .exec<{ changes: number; lastRowId: number }>(
        "SELECT total_changes() AS changes, last_insert_rowid() AS lastRowId",
      )
      .one();
  }
}

function fromWire(param: SqlStorageValue | readonly number[]): SqlStorageValue {
  return Array.isArray(param) ? new Uint8Array(param).buffer : (param as SqlStorageValue);
}

function toWire(value: SqlStorageValue): Cell {
  return value instanceof ArrayBuffer ? [...new Uint8Array(value)] : value;
}

// oxlint-disable-next-line import/no-default-export -- workerd calls the module's default export
export default {
  fetch: (request, env) => env.DATABASE.get(env.DATABASE.idFromName("main")).fetch(request),
} satisfies ExportedHandler<Env>;
