import type { Delivery } from "@cronium/protocol/endpoint";
import { type DeliveryVerdict, deliveryVerdicts } from "@cronium/protocol/webhook-tables";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { deliveriesQuery, endpointsQuery } from "../../api/endpoints.ts";
import { itemsOf } from "../../api/page.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { formatBytes } from "../../lib/duration.ts";
import { isKept } from "../../lib/delivery.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { absoluteTime, viewerZone } from "../../lib/time.ts";
import { Button } from "../../ui/Button.tsx";
import { Select } from "../../ui/Field.tsx";
import { target, TextLink } from "../../ui/TextLink.tsx";
import { DeliveryDialog } from "./DeliveryDialog.tsx";
import { ReplayBar } from "./ReplayBar.tsx";
import { VerdictWord } from "./VerdictWord.tsx";

const verdicts = Object.keys(deliveryVerdicts) as DeliveryVerdict[];

export interface DeliveriesTabProps {
  readonly endpointId: string | undefined;
  /** The one that is open. */
  readonly deliveryId: string | undefined;
  readonly verdict: DeliveryVerdict | undefined;
  readonly mayReplay: boolean;
}

/** What arrived, newest first; looked at again every few seconds. */
export function DeliveriesTab({ endpointId, deliveryId, verdict, mayReplay }: DeliveriesTabProps): ReactNode {
  const query = useInfiniteQuery(deliveriesQuery({ endpointId, verdict }));
  const endpoints = useQuery(endpointsQuery());
  const navigate = useNavigate();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const all = itemsOf(query.data);
  const kept = mayReplay ? all.filter(isKept) : [];
  // Oldest first, as they came; only what is in sight.
  const ids = kept.flatMap(({ id }) => (chosen.has(id) ? [id] : [])).toReversed();
  const nameOf = (id: string): string =>
    endpoints.data?.items.find((endpoint) => endpoint.id === id)?.name ?? t("deliveries.gone");
  const choose = (change: {
    readonly endpointId?: string | undefined;
    readonly deliveryId?: string | undefined;
    readonly verdict?: string | undefined;
  }): void => {
    const search = { tab: "deliveries", endpointId, verdict, ...change };
    void navigate({ ...target(paths.webhooks(), search), replace: true });
  };
  const select: Column<Delivery> = {
    key: "select",
    title: t("replay.column"),
    cell: (one) =>
      isKept(one) ? (
        // The room around it belongs to it: fingers are wide.
        <label className="-m-2 inline-block p-2 align-middle">
          <input
            type="checkbox"
            className="block size-4"
            aria-label={t("replay.select", absoluteTime(Date.parse(one.at), viewerZone()))}
            checked={chosen.has(one.id)}
            onChange={(event) => {
              const next = new Set(chosen);
              if (event.target.checked) {
                next.add(one.id);
              } else {
                next.delete(one.id);
              }
              setChosen(next);
            }}
          />
        </label>
      ) : null,
  };
  const columns: readonly Column<Delivery>[] = [
    ...(mayReplay ? [select] : []),
    {
      key: "verdict",
      title: t("deliveries.verdict"),
      cell: (one) => (
        <button type="button" className="cursor-pointer hover:underline" onClick={() => choose({ deliveryId: one.id })}>
          <VerdictWord verdict={one.verdict} />
        </button>
      ),
    },
    {
      key: "arrived",
      title: t("deliveries.arrived"),
      cell: (delivery) => (
        <span className="whitespace-nowrap">
          <Time at={delivery.at} />
          {delivery.count === 1 ? null : (
            <span className="ml-2 text-faint">{t("deliveries.times", delivery.count)}</span>
          )}
        </span>
      ),
    },
    {
      key: "endpoint",
      title: t("deliveries.endpoint"),
      from: "sm",
      cell: (one) => <span className="block max-w-48 truncate">{nameOf(one.endpointId)}</span>,
    },
    {
      key: "why",
      title: t("deliveries.why"),
      grows: true,
      from: "md",
      cell: (one) => (
        <span className="block max-w-96 truncate text-dim">{one.message ?? deliveryVerdicts[one.verdict]}</span>
      ),
    },
    { key: "size", title: t("deliveries.size"), from: "lg", align: "right", cell: (one) => formatBytes(one.sizeBytes) },
    {
      key: "run",
      title: t("deliveries.run"),
      align: "right",
      cell: (one) => {
        const runId = one.runs.find((run) => run.runId !== null)?.runId ?? null;
        return runId === null ? null : <TextLink to={paths.run(runId)}>{t("delivery.openRun")}</TextLink>;
      },
    },
  ];
  const isFiltered = endpointId !== undefined || verdict !== undefined;
  return (
    <>
      <div className="flex flex-wrap gap-2 px-4 py-3 lg:px-6">
        <Select
          aria-label={t("deliveries.endpoint")}
          className="w-auto! max-w-56"
          value={endpointId ?? ""}
          onChange={(event) => choose({ endpointId: event.target.value || undefined })}
        >
          <option value="">{t("deliveries.allEndpoints")}</option>
          {endpoints.data?.items.map((endpoint) => (
            <option key={endpoint.id} value={endpoint.id}>
              {endpoint.name}
            </option>
          ))}
        </Select>
        <Select
          aria-label={t("deliveries.verdict")}
          className="w-auto!"
          value={verdict ?? ""}
          onChange={(event) => choose({ verdict: event.target.value || undefined })}
        >
          <option value="">{t("deliveries.allVerdicts")}</option>
          {verdicts.map((one) => (
            <option key={one} value={one}>
              {t(`verdict.${one}`)}
            </option>
          ))}
        </Select>
        {kept.length === 0 ? null : (
          <Button look="ghost" onClick={() => setChosen(new Set(kept.map(({ id }) => id)))}>
            {t("replay.selectAll")}
          </Button>
        )}
      </div>
      {mayReplay ? <ReplayBar ids={ids} onClear={() => setChosen(new Set())} /> : null}
      <Loadable query={query}>
        {() => {
          if (all.length === 0) {
            return isFiltered ? (
              <EmptyState
                title={t("deliveries.noneMatch")}
                action={
                  <Button onClick={() => choose({ endpointId: undefined, verdict: undefined })}>
                    {t("deliveries.clear")}
                  </Button>
                }
              />
            ) : (
              <EmptyState title={t("deliveries.none")} help={t("deliveries.noneHelp")} />
            );
          }
          return (
            <>
              <DataTable label={t("webhooks.deliveries")} columns={columns} rows={all} rowKey={({ id }) => id} />
              {query.hasNextPage ? (
                <div className="px-4 py-3 lg:px-6">
                  <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                    {t("deliveries.more")}
                  </Button>
                </div>
              ) : null}
            </>
          );
        }}
      </Loadable>
      {deliveryId === undefined ? null : (
        <DeliveryDialog id={deliveryId} mayReplay={mayReplay} onClose={() => choose({})} />
      )}
    </>
  );
}
