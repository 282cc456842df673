/** Lists: as many items as were asked for, over as many pages as that takes. */
import { MAX_PAGE_SIZE } from "@cronium/protocol/limits";
import type { Api, Sending } from "./client.ts";

interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

export interface PageAsk {
  readonly limit: number;
  readonly cursor: string | undefined;
  readonly query?: NonNullable<Sending["query"]>;
}

export async function readPages<T>(
  api: Api,
  path: string,
  schema: Parameters<Api["json"]>[2],
  { limit, cursor, query = {} }: PageAsk,
): Promise<Page<T>> {
  const items: T[] = [];
  let next: string | null = cursor ?? null;
  do {
    const size = Math.min(MAX_PAGE_SIZE, limit - items.length);
    const page = (await api.json("GET", path, schema, {
      query: { ...query, limit: size, cursor: next ?? undefined },
    })) as Page<T>;
    items.push(...page.items);
    next = page.nextCursor;
  } while (next !== null && items.length < limit);
  return { items, nextCursor: next };
}
