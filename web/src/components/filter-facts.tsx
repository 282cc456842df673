import type { BulkFilter } from "@cronium/protocol/api/bulk";
import { stateWord, t } from "../lib/text.ts";
import type { FactRow } from "../ui/Facts.tsx";
import { Time } from "./Time.tsx";

export interface FilterFactsProps {
  readonly filter: BulkFilter;
  /** Its name; the id while that is not known. */
  readonly eventName: string | undefined;
}

/** A filter of runs in words, as rows of facts. */
export function filterFacts({ filter, eventName }: FilterFactsProps): readonly FactRow[] {
  const { state, eventId, runnerId, trigger, label, from, to, q, deadLetter } = filter;
  const rows: (FactRow | null)[] = [
    state === undefined ? null : [t("filter.state"), state.map(stateWord).join(", ")],
    deadLetter === true ? [t("filter.dead"), t("filter.deadOnly")] : null,
    eventId === undefined ? null : [t("filter.event"), eventName ?? eventId],
    runnerId === undefined ? null : [t("filter.runner"), runnerId],
    trigger === undefined ? null : [t("filter.trigger"), t(`trigger.${trigger}`)],
    label === undefined ? null : [t("filter.label"), label.join(", ")],
    from === undefined ? null : [t("filter.from"), <Time at={from} />],
    to === undefined ? null : [t("filter.to"), <Time at={to} />],
    q === undefined ? null : [t("filter.q"), q],
  ];
  return rows.filter((row) => row !== null);
}
