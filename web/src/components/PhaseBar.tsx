import type { ReactNode } from "react";
import type { Phase } from "../lib/phases.ts";
import { formatDuration } from "../lib/duration.ts";
import { useNow } from "../lib/now.ts";
import { t } from "../lib/text.ts";
import { classes } from "../ui/classes.ts";
import { toneFill, toneText } from "../ui/tone.ts";

/** Queued → starting → running → finishing, each with its time; wider where it took longer. */
export function PhaseBar({ phases }: { readonly phases: readonly Phase[] }): ReactNode {
  const isLive = phases.some((phase) => phase.status === "now");
  const now = useNow(isLive ? 1_000 : null);
  return (
    <ol aria-label={t("phase.label")} className="flex w-full gap-px">
      {phases.map((phase) => {
        const ms = phase.from === null ? null : (phase.to ?? now) - phase.from;
        return (
          <li
            key={phase.name}
            className="flex min-w-18 flex-col gap-1"
            style={{ flexGrow: ms === null ? 0.4 : 1 + Math.log10(1 + Math.max(0, ms) / 100) }}
          >
            <span
              className={classes(
                "h-1.5",
                phase.status === "ahead" && "bg-active",
                phase.status === "done" && "bg-line-strong",
                phase.status === "now" && toneFill[phase.tone],
                phase.status === "ended" && toneFill[phase.tone],
              )}
            />
            <span className="flex flex-wrap gap-x-1.5 pr-2 text-12">
              <span
                className={phase.status === "now" || phase.status === "ended" ? toneText[phase.tone] : "text-faint"}
              >
                {t(`phase.${phase.name}`)}
              </span>
              <span className={ms === null ? "text-faint" : "text-text"}>
                {ms === null
                  ? t("phase.notReached")
                  : formatDuration(phase.status === "now" ? Math.floor(Math.max(0, ms) / 1_000) * 1_000 : ms)}
              </span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}
