import type { ChainedRun } from "@cronium/protocol/chain";
import type { Run } from "@cronium/protocol/run";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { eventQuery } from "../../api/events.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { TextLink } from "../../ui/TextLink.tsx";

/** Which run started this one, and which ones it has started or why not; nothing where there are none. */
export function RunChains({ run }: { readonly run: Run }): ReactNode {
  const { origin, chained } = run;
  if (origin?.type !== "chain" && chained.length === 0) {
    return null;
  }
  return (
    <div className="flex flex-col gap-1 text-12 text-dim">
      {origin?.type === "chain" ? (
        <p>
          {t("chains.startedBy")}{" "}
          <TextLink to={paths.run(origin.runId)}>{t("chains.runOf", origin.eventName)}</TextLink>{" "}
          {t(`chains.because.${origin.on}`)}
          {origin.depth > 1 ? (
            <>
              {" · "}
              <TextLink to={paths.run(origin.rootRunId)}>{t("chains.root")}</TextLink>
            </>
          ) : null}
        </p>
      ) : null}
      {chained.length === 0 ? null : (
        <section aria-label={t("chains.started")} className="flex flex-wrap items-baseline gap-x-2">
          <span>{t("chains.started")}:</span>
          <ul className="flex min-w-0 flex-col">
            {chained.map((one, i) => (
              <Started key={i} one={one} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Started({ one: { eventId, on, state, runId, message } }: { readonly one: ChainedRun }): ReactNode {
  const name = useQuery(eventQuery(eventId)).data?.name ?? eventId;
  return (
    <li>
      {runId === null ? name : <TextLink to={paths.run(runId)}>{name}</TextLink>}{" "}
      <span className={state === "refused" ? "text-bad" : "text-faint"}>
        {t(`chains.state.${state}`)}, {t(`chains.because.${on}`)}
      </span>
      {message === null ? null : <span className="text-bad">: {message}</span>}
    </li>
  );
}
