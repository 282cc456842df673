import type { ReactNode } from "react";
import { useNow } from "../lib/now.ts";
import { Stored, useStored } from "../lib/stored.ts";
import { absoluteTime, refreshAfter, relativeTime, viewerZone } from "../lib/time.ts";
import { t } from "../lib/text.ts";
import { Tip } from "../ui/Tip.tsx";

/** How every time on every page is shown; one click changes them all. */
export const timeView = new Stored("time", ["relative", "viewer", "utc"], "relative");

const NEXT = { relative: "viewer", viewer: "utc", utc: "relative" } as const;

export interface TimeProps {
  /** ISO 8601; null shows `empty`. */
  readonly at: string | null;
  readonly empty?: string;
}

export function Time({ at, empty = t("time.never") }: TimeProps): ReactNode {
  const ms = at === null ? Number.NaN : Date.parse(at);
  const view = useStored(timeView);
  const now = useNow(view === "relative" && !Number.isNaN(ms) ? refreshAfter(ms, Date.now()) : null);
  if (Number.isNaN(ms)) {
    return <span className="text-faint">{empty}</span>;
  }
  const viewer = absoluteTime(ms, viewerZone());
  const utc = absoluteTime(ms, "UTC");
  const shown = view === "relative" ? relativeTime(ms, now) : view === "viewer" ? viewer : utc;
  return (
    <Tip text={viewer === utc ? utc : `${viewer} · ${utc}`}>
      <button
        type="button"
        className="relative z-10 whitespace-nowrap rounded-control text-left"
        onClick={() => timeView.set(NEXT[view])}
        aria-label={`${shown}. ${t("time.cycle")}`}
      >
        <time dateTime={at ?? undefined}>{shown}</time>
      </button>
    </Tip>
  );
}
