import { queueReasons } from "@cronium/protocol/run-states";
import type { ReactNode } from "react";
import { paths } from "../lib/paths.ts";
import { t } from "../lib/text.ts";
import { TextLink } from "../ui/TextLink.tsx";
import { Time } from "./Time.tsx";

export interface ReasonProps {
  /** A key of `queueReasons`. */
  readonly reason: string | null;
  /** The reason in a sentence that names the values at hand. */
  readonly message: string | null;
  readonly eventId: string | null;
  /** When the next attempt may start. */
  readonly notBefore?: string | null;
}

/** Why something waits, and the way to change that. */
export function Reason({ reason, message, eventId, notBefore = null }: ReasonProps): ReactNode {
  const known =
    reason !== null && Object.hasOwn(queueReasons, reason) ? queueReasons[reason as keyof typeof queueReasons] : null;
  const sentence = message ?? known;
  if (sentence === null) {
    return null;
  }
  return (
    <p className="flex max-w-[90ch] flex-wrap gap-x-3 gap-y-1 text-dim">
      <span>{sentence}</span>
      {notBefore === null ? null : (
        <span>
          {t("reason.retryAt")} <Time at={notBefore} />
        </span>
      )}
      {reason === "no_matching_runner" ? <TextLink to={paths.runners()}>{t("reason.addRunner")}</TextLink> : null}
      {reason === "no_matching_runner" && eventId !== null ? (
        <TextLink to={paths.editEvent(eventId)}>{t("reason.editLabels")}</TextLink>
      ) : null}
      {reason === "runner_busy" || reason === "runner_not_ready" ? (
        <TextLink to={paths.runners()}>{t("reason.seeRunners")}</TextLink>
      ) : null}
    </p>
  );
}
