import { useEffect } from "react";
import { t } from "./text.ts";

/** Names the page in the tab and for screen readers; most specific first. */
export function useTitle(...parts: readonly string[]): void {
  const title = t("title.page", parts.join(" · "));
  useEffect(() => {
    document.title = title;
  }, [title]);
}
