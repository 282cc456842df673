/** Opaque cursors of lists: the sort key of the last item, so that paging neither repeats nor skips. */
import { AppError } from "@cronium/protocol/errors";
import { base64url } from "@cronium/protocol/token";
import * as z from "zod";

/** Sort keys of the lists so far: a time, then an id for equal times. */
export interface Position {
  readonly at: number;
  readonly id: string;
}

const Shape = z.tuple([z.int(), z.string().max(64)]);

export function writeCursor(position: Position): string {
  return base64url(new TextEncoder().encode(JSON.stringify([position.at, position.id])));
}

/** Null for no cursor; throws `invalid_cursor` for anything we did not write. */
export function readCursor(text: string | undefined): Position | null {
  if (text === undefined) {
    return null;
  }
  try {
    const [at, id] = Shape.parse(JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/"))));
    return { at, id };
  } catch (cause) {
    throw new AppError("invalid_cursor", "The cursor is not one that this list gave out.", { cause });
  }
}

/** Cuts a page out of rows of which one more than `limit` was asked for. */
export function pageFrom<T>(
  rows: readonly T[],
  limit: number,
  position: (row: T) => Position,
): { readonly items: readonly T[]; readonly nextCursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    nextCursor: rows.length > limit && last !== undefined ? writeCursor(position(last)) : null,
  };
}
