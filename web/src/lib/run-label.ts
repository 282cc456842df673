import type { RunSummary } from "@cronium/protocol/run";
import { isTerminal } from "@cronium/protocol/run-states";

/** A run in a list: its event, the name that its script gave it, and how far it says it is. Rows of before have neither. */
export function runLabel({
  eventName,
  name,
  progress,
  state,
}: Partial<RunSummary> & Pick<RunSummary, "eventName" | "state">): string {
  const fraction = isTerminal(state) ? null : (progress?.fraction ?? null);
  return [eventName, name ?? null, fraction === null ? null : `${Math.round(fraction * 100)} %`]
    .filter((part) => part !== null)
    .join(" · ");
}
