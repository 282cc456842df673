/** A JSON value as rows of a tree: only what is opened is visited. */

export interface JsonRow {
  /** JSON pointer; unique. */
  readonly path: string;
  readonly depth: number;
  readonly key: string | null;
  /** Number of children; null for a plain value. */
  readonly children: number | null;
  readonly isList: boolean;
  readonly text: string;
}

const MAX_TEXT = 2_000;
const PREVIEWED = 4;
const MAX_PREVIEWED_TEXT = 40;

/** `{ id: 7, tags: […], … }`: enough to tell closed rows apart. */
function preview(item: object): string {
  const entries = Object.entries(item).slice(0, PREVIEWED);
  const parts = entries.map(([key, value]) => (Array.isArray(item) ? brief(value) : `${key}: ${brief(value)}`));
  const rest = Object.keys(item).length > PREVIEWED ? ", …" : "";
  const inner = parts.join(", ") + rest;
  return Array.isArray(item) ? `[${inner}]` : inner === "" ? "{}" : `{ ${inner} }`;
}

function brief(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? "[…]" : "{…}";
  }
  const text = JSON.stringify(value) ?? "null";
  return text.length > MAX_PREVIEWED_TEXT ? `${text.slice(0, MAX_PREVIEWED_TEXT)}…` : text;
}

export function flattenJson(value: unknown, open: ReadonlySet<string>): readonly JsonRow[] {
  const rows: JsonRow[] = [];
  visit(value, null, "", 0);
  return rows;

  function visit(item: unknown, key: string | null, path: string, depth: number): void {
    if (typeof item !== "object" || item === null) {
      const text = JSON.stringify(item) ?? "null";
      rows.push({
        path,
        depth,
        key,
        children: null,
        isList: false,
        text: text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text,
      });
      return;
    }
    const isList = Array.isArray(item);
    const entries = Object.entries(item);
    rows.push({ path, depth, key, children: entries.length, isList, text: open.has(path) ? "" : preview(item) });
    if (open.has(path)) {
      for (const [name, child] of entries) {
        visit(child, name, `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, depth + 1);
      }
    }
  }
}
