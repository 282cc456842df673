import type { InfiniteData } from "@tanstack/react-query";

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export type Pages<T> = InfiniteData<Page<T>>;

export function itemsOf<T>(pages: Pages<T> | undefined): readonly T[] {
  return pages?.pages.flatMap((page) => page.items) ?? [];
}

/** Replaces the items that `change` returns anew; the same object when nothing changed. */
export function mapItems<T>(pages: Pages<T>, change: (item: T) => T): Pages<T> {
  let isChanged = false;
  const next = pages.pages.map((page) => {
    const items = page.items.map((item) => {
      const after = change(item);
      isChanged ||= after !== item;
      return after;
    });
    return { ...page, items };
  });
  return isChanged ? { ...pages, pages: next } : pages;
}
