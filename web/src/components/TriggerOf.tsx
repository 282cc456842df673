import type { RunSummary } from "@cronium/protocol/run";
import type { ReactNode } from "react";
import { formatDuration } from "../lib/duration.ts";
import { paths } from "../lib/paths.ts";
import { t } from "../lib/text.ts";
import { TextLink } from "../ui/TextLink.tsx";
import { Time } from "./Time.tsx";

type Triggered = Pick<RunSummary, "trigger" | "origin" | "queuedAt"> & Partial<Pick<RunSummary, "retryOf">>;

/** The name of a person or of a key; undefined where it is not known. */
export type NameOf = (id: string) => string | undefined;

export interface TriggerOfProps {
  readonly run: Triggered;
  readonly nameOf: NameOf;
}

/** What started a run, in a few words with a link where there is one. For a cell of a list. */
export function TriggerOf({ run, nameOf }: TriggerOfProps): ReactNode {
  const isRetry = (run.retryOf ?? null) !== null;
  return (
    <span className="block max-w-56 truncate text-dim">
      {isRetry ? `${t("trigger.retry")} · ` : null}
      <Source run={run} nameOf={nameOf} />
    </span>
  );
}

/** The same for the run's own page: the nominal time and how late it was queued, the delivery, the run it repeats. */
export function TriggerFacts({ run, nameOf }: TriggerOfProps): ReactNode {
  const { origin, retryOf = null } = run;
  return (
    <span className="inline-flex flex-wrap items-center gap-x-1.5">
      <Source run={run} nameOf={nameOf} />
      {origin?.type === "schedule" ? (
        <>
          <span>{t("trigger.for")}</span>
          <Time at={origin.nominalAt} />
          <span>({latenessText(origin.nominalAt, run.queuedAt)})</span>
        </>
      ) : null}
      {origin?.type === "webhook" ? (
        <TextLink
          to={paths.webhooks()}
          search={{ tab: "deliveries", endpointId: origin.endpointId, deliveryId: origin.deliveryId }}
        >
          {t("trigger.delivery")}
        </TextLink>
      ) : null}
      {retryOf === null ? null : <TextLink to={paths.run(retryOf)}>{t("trigger.retryOf")}</TextLink>}
    </span>
  );
}

function latenessText(nominalAt: string, queuedAt: string): string {
  const late = Date.parse(queuedAt) - Date.parse(nominalAt);
  return late < 1_000 ? t("trigger.onTime") : t("trigger.late", formatDuration(late));
}

function Source({ run: { trigger, origin }, nameOf }: TriggerOfProps): ReactNode {
  switch (origin?.type) {
    case "user": {
      const name = nameOf(origin.userId);
      return name === undefined ? t("trigger.manual") : t("trigger.by", name);
    }
    case "api_key": {
      const name = nameOf(origin.keyId);
      return name === undefined ? t("trigger.api") : t("trigger.key", name);
    }
    case "schedule":
      return (
        <>
          {t(origin.reason === "backfilled" ? "trigger.backfill" : "trigger.schedule")}{" "}
          <TextLink to={paths.schedule(origin.scheduleId)} className="relative z-10">
            {origin.scheduleName ?? t("trigger.open")}
          </TextLink>
        </>
      );
    case "webhook":
      return (
        <>
          {t("trigger.webhook")}{" "}
          <TextLink
            to={paths.webhooks()}
            search={{ tab: "deliveries", endpointId: origin.endpointId }}
            className="relative z-10"
          >
            {origin.endpointName}
          </TextLink>
        </>
      );
    case "chain":
      return (
        <>
          {t("trigger.event")}{" "}
          <TextLink to={paths.run(origin.runId)} className="relative z-10">
            {origin.eventName}
          </TextLink>
        </>
      );
    default:
      return t(`trigger.${trigger}`);
  }
}
