/** Records to rows and back: one list of columns for each table, from which its statements are made. */
type Kind = "plain" | "flag" | "json";

export interface Table<T> {
  readonly columns: readonly string[];
  readonly insert: string;
  readonly update: string;
  /**
   * The update that makes `before` into `after`, of the changed columns alone: an index on a column that is not set is
   * not touched. Null when nothing differs. A field of kind `json` counts as changed when it is another object.
   */
  change(before: T, after: T): { readonly query: string; readonly values: SqlStorageValue[] } | null;
  /** Values in the order of `columns`. */
  write(record: T): SqlStorageValue[];
  read(row: Readonly<Record<string, SqlStorageValue>>): T;
}

/** `fields` maps each field of the record to how it is stored; `key` names those that identify a row. */
export function table<T extends object>(
  name: string,
  key: readonly (keyof T & string)[],
  fields: { readonly [K in keyof T & string]: Kind },
): Table<T> {
  const entries = Object.entries(fields) as [keyof T & string, Kind][];
  const column = (field: string): string => field.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
  const columns = entries.map(([field]) => column(field));
  const numbered = entries.map(([field], i) => ({ field, text: `${column(field)} = ?${i + 1}` }));
  const isKey = (field: string): boolean => (key as readonly string[]).includes(field);
  const set = numbered.filter(({ field }) => !isKey(field)).map(({ text }) => text);
  const where = numbered.filter(({ field }) => isKey(field)).map(({ text }) => text);
  const stored = (kind: Kind, value: unknown): SqlStorageValue => {
    if (value === null) {
      return null;
    }
    if (kind === "json") {
      return JSON.stringify(value);
    }
    return kind === "flag" ? Number(value) : (value as SqlStorageValue);
  };
  const assigned = entries.map(([field]) => `${column(field)} = ?`);
  const keyed = key.map((field) => `${column(field)} = ?`).join(" AND ");
  // Few shapes of change occur: each has its text once, which the runtime keeps prepared.
  const queries = new Map<string, string>();
  return {
    columns,
    insert: `INSERT INTO ${name} (${columns.join(", ")}) VALUES (${columns.map((_, i) => `?${i + 1}`).join(", ")})`,
    update: `UPDATE ${name} SET ${set.join(", ")} WHERE ${where.join(" AND ")}`,
    change: (before, after) => {
      const values: SqlStorageValue[] = [];
      const set: string[] = [];
      for (const [i, [field, kind]] of entries.entries()) {
        if (before[field] !== after[field]) {
          set.push(assigned[i] ?? "");
          values.push(stored(kind, after[field]));
        }
      }
      if (set.length === 0) {
        return null;
      }
      const shape = set.join(", ");
      let query = queries.get(shape);
      if (query === undefined) {
        query = `UPDATE ${name} SET ${shape} WHERE ${keyed}`;
        queries.set(shape, query);
      }
      values.push(...key.map((field) => before[field] as SqlStorageValue));
      return { query, values };
    },
    write: (record) => entries.map(([field, kind]) => stored(kind, record[field])),
    read: (row) => {
      const record: Record<string, unknown> = {};
      for (const [i, [field, kind]] of entries.entries()) {
        const value = row[columns[i] ?? ""] ?? null;
        if (value === null) {
          record[field] = null;
        } else if (kind === "json") {
          record[field] = JSON.parse(value as string);
        } else {
          record[field] = kind === "flag" ? value === 1 : value;
        }
      }
      return record as T;
    },
  };
}
