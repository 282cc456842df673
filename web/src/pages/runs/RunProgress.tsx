import type { Run } from "@cronium/protocol/run";
import { isTerminal } from "@cronium/protocol/run-states";
import type { ReactNode } from "react";
import { t } from "../../lib/text.ts";

/** How far its script says it is; nothing once the run has ended, or while it says nothing. */
export function RunProgress({ run }: { readonly run: Run }): ReactNode {
  const { progress } = run;
  if (progress === null || isTerminal(run.state)) {
    return null;
  }
  const { fraction, message } = progress;
  const percent = fraction === null ? null : Math.round(fraction * 100);
  return (
    <div className="flex items-center gap-3 text-12">
      <progress
        aria-label={t("run.progress")}
        className="h-1.5 w-40"
        max={100}
        {...(percent === null ? {} : { value: percent })}
      />
      {percent === null ? null : <span className="text-text">{percent} %</span>}
      {message === null ? null : <span className="truncate text-dim">{message}</span>}
    </div>
  );
}
