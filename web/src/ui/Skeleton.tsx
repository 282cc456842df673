import type { ReactNode } from "react";
import { useAfter } from "../lib/now.ts";
import { t } from "../lib/text.ts";

/** Still lines in the shape of what is coming; shown after 150 ms, so that a fast answer shows nothing in between. */
export function Skeleton({ rows = 8 }: { readonly rows?: number }): ReactNode {
  const isShown = useAfter(150);
  return (
    <div role="status" aria-label={t("load.busy")} className="w-full">
      {isShown
        ? Array.from({ length: rows }, (_, row) => (
            <div key={row} aria-hidden className="flex h-8 items-center gap-6 border-b border-line px-4 lg:px-6">
              <span className="h-2 w-16 bg-active" />
              <span className="h-2 bg-active" style={{ width: `${20 + ((row * 7) % 23)}%` }} />
              <span className="ml-auto h-2 w-12 bg-active" />
            </div>
          ))
        : null}
    </div>
  );
}
