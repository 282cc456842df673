/** Records to rows and back: one list of columns for each table, from which its statements are made. */
type Kind = "plain" | "flag" | "json";

export interface Table<T> {
  readonly columns: readonly string[];
  readonly insert: string;
  readonly update: string;
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
  return {
    columns,
    insert: `INSERT INTO ${name} (${columns.join(", ")}) VALUES (${columns.map((_, i) => `?${i + 1}`).join(", ")})`,
    update: `UPDATE ${name} SET ${set.join(", ")} WHERE ${where.join(" AND ")}`,
    write: (record) =>
      entries.map(([field, kind]) => {
        const value: unknown = record[field];
        if (value === null) {
          return null;
        }
        if (kind === "json") {
          return JSON.stringify(value);
        }
        return kind === "flag" ? Number(value) : (value as SqlStorageValue);
      }),
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
