import type { ReactNode } from "react";
import { runTones, toneOf } from "../lib/run-look.ts";
import { stateWord, t } from "../lib/text.ts";
import { classes } from "../ui/classes.ts";
import { toneFill } from "../ui/tone.ts";

export interface Tick {
  readonly id: string;
  readonly state: string;
  /** Milliseconds; null while unfinished. */
  readonly durationMs: number | null;
}

const SLOTS = 30;

/** The last 30 runs, oldest left: state as colour, duration as height on a logarithmic scale. */
export function TickStrip({
  runs,
  tall = false,
}: {
  readonly runs: readonly Tick[];
  readonly tall?: boolean;
}): ReactNode {
  const shown = runs.slice(0, SLOTS).toReversed();
  const longest = Math.max(1, ...shown.map((run) => run.durationMs ?? 0));
  return (
    <span
      role="img"
      aria-label={summary(shown)}
      className={classes("inline-flex items-end gap-px border-b border-line-strong", tall ? "h-8" : "h-5")}
    >
      {Array.from({ length: SLOTS - shown.length }, (_, slot) => (
        <span key={slot} className="w-[3px]" />
      ))}
      {shown.map((run) => (
        <span
          key={run.id}
          className={classes("w-[3px]", toneFill[toneOf(runTones, run.state)])}
          style={{ height: `${heightOf(run.durationMs, longest)}%` }}
        />
      ))}
    </span>
  );
}

function heightOf(ms: number | null, longest: number): number {
  if (ms === null) {
    return 45;
  }
  return 20 + 80 * (Math.log10(1 + ms) / Math.log10(1 + longest));
}

function summary(runs: readonly Tick[]): string {
  if (runs.length === 0) {
    return t("ticks.none");
  }
  const counts = new Map<string, number>();
  for (const run of runs) {
    counts.set(run.state, (counts.get(run.state) ?? 0) + 1);
  }
  const parts = [...counts].map(([state, count]) => `${count} ${stateWord(state).toLowerCase()}`).join(", ");
  return t("ticks.summary", runs.length, parts);
}
