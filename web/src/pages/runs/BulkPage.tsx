import { bulkPermissions, mayDo } from "@cronium/protocol/access";
import type { Bulk } from "@cronium/protocol/api/bulk";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { CircleCheck, CircleDot, CircleStop } from "lucide-react";
import type { ReactNode } from "react";
import { meQuery, roleOf } from "../../api/account.ts";
import { bulkQuery, stopBulk } from "../../api/bulk.ts";
import { eventQuery } from "../../api/events.ts";
import { keys } from "../../api/keys.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { filterFacts } from "../../components/filter-facts.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { PageHead } from "../../components/PageHead.tsx";
import { Time } from "../../components/Time.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button, buttonClasses } from "../../ui/Button.tsx";
import { classes } from "../../ui/classes.ts";
import { Facts } from "../../ui/Facts.tsx";
import { icon } from "../../ui/icons.ts";
import { target } from "../../ui/TextLink.tsx";
import { toneText } from "../../ui/tone.ts";

/** How far one bulk work is. */
export function BulkPage(): ReactNode {
  const { bulkId = "" } = useParams({ strict: false });
  const query = useQuery(bulkQuery(bulkId));
  useTitle(query.data === undefined ? t("bulk.menu") : t(`bulk.${query.data.action}.page`));
  return <Loadable query={query}>{(bulk) => <Work bulk={bulk} />}</Loadable>;
}

function Work({ bulk }: { readonly bulk: Bulk }): ReactNode {
  const { action, filter, state } = bulk;
  const event = useQuery({ ...eventQuery(filter.eventId ?? ""), enabled: filter.eventId !== undefined });
  return (
    <>
      <PageHead
        title={t(`bulk.${action}.page`)}
        beside={<WorkState state={state} />}
        actions={
          <>
            <SeeRuns bulk={bulk} />
            <StopButton bulk={bulk} />
          </>
        }
      />
      <div className="grid gap-x-12 gap-y-6 px-4 py-4 md:grid-cols-2 lg:px-6">
        <section className="flex flex-col gap-2">
          <Numbers bulk={bulk} />
        </section>
        <section className="flex flex-col gap-2">
          <h2 className="text-13 font-semibold">{t("bulk.filter")}</h2>
          <Facts
            rows={[
              ...filterFacts({ filter, eventName: event.data?.name }),
              [t("bulk.started"), <Time at={bulk.createdAt} />],
              ...(bulk.finishedAt === null ? [] : [[t("bulk.ended"), <Time at={bulk.finishedAt} />] as const]),
            ]}
          />
        </section>
      </div>
      {bulk.reasons.length > 0 ? (
        <section>
          <h2 className="px-4 pb-2 text-13 font-semibold lg:px-6">{t("bulk.reasons")}</h2>
          <DataTable label={t("bulk.reasons")} columns={columns} rows={bulk.reasons} rowKey={({ code }) => code} />
        </section>
      ) : null}
      {state !== "running" && bulk.matched === 0 ? (
        <EmptyState title={t("bulk.none")} help={t("bulk.noneHelp")} />
      ) : null}
    </>
  );
}

/** Done and refused side by side; how many there will be is known at the end alone. */
function Numbers({ bulk }: { readonly bulk: Bulk }): ReactNode {
  const { action, state, matched, done, failed } = bulk;
  const numbers = [
    [state === "running" ? t("bulk.matched") : t("bulk.matchedEnd"), matched, ""],
    [t(`bulk.${action}.done`), done, done > 0 ? toneText.good : ""],
    [t("bulk.failed"), failed, failed > 0 ? toneText.bad : ""],
  ] as const;
  return (
    <dl aria-live="polite" className="flex flex-wrap gap-x-10 gap-y-3">
      {numbers.map(([name, value, look]) => (
        <div key={name} className="flex flex-col-reverse">
          <dt className="text-12 text-faint">{name}</dt>
          <dd className={classes("text-18 font-semibold tabular-nums", look)}>{value.toLocaleString("en-US")}</dd>
        </div>
      ))}
    </dl>
  );
}

const LOOKS = {
  running: { Icon: CircleDot, tone: "live" },
  finished: { Icon: CircleCheck, tone: "good" },
  stopped: { Icon: CircleStop, tone: "hold" },
} as const;

function WorkState({ state }: { readonly state: Bulk["state"] }): ReactNode {
  const { Icon, tone } = LOOKS[state];
  return (
    <span className={classes("flex items-center gap-1.5 whitespace-nowrap text-15 font-semibold", toneText[tone])}>
      <Icon {...icon} className={state === "running" ? "animate-breathe" : undefined} />
      {t(`bulk.state.${state}`)}
    </span>
  );
}

/** Leads to the list, where that knows the whole filter. */
function SeeRuns({ bulk: { filter } }: { readonly bulk: Bulk }): ReactNode {
  const { state, eventId, deadLetter, ...others } = filter;
  if (Object.keys(others).length > 0 || (state?.length ?? 0) > 1) {
    return null;
  }
  return (
    <Link {...target(paths.runs(), { state: state?.[0], eventId, deadLetter })} className={buttonClasses()}>
      {t("bulk.seeRuns")}
    </Link>
  );
}

function StopButton({ bulk }: { readonly bulk: Bulk }): ReactNode {
  const client = useQueryClient();
  const role = roleOf(useQuery(meQuery()).data);
  const stop = useMutation({
    mutationFn: () => stopBulk(bulk.id),
    onSuccess: (stopped) => client.setQueryData(keys.bulk(bulk.id), stopped),
  });
  if (bulk.state !== "running" || role === undefined || !mayDo(role, bulkPermissions[bulk.action])) {
    return null;
  }
  return (
    <>
      <Button
        look="danger"
        icon={<CircleStop {...icon} />}
        busy={stop.isPending}
        title={t("bulk.stopHelp")}
        onClick={() => stop.mutate()}
      >
        {t("bulk.stop")}
      </Button>
      <ErrorLine error={stop.error} />
    </>
  );
}

const columns: readonly Column<Bulk["reasons"][number]>[] = [
  {
    key: "code",
    title: t("bulk.column.reason"),
    cell: ({ code }) => <code className="font-mono text-12">{code}</code>,
  },
  { key: "count", title: t("bulk.column.count"), align: "right", cell: ({ count }) => count.toLocaleString("en-US") },
  {
    key: "example",
    title: t("bulk.column.example"),
    grows: true,
    cell: ({ example }) => (
      <span className="block truncate text-dim" title={example}>
        {example}
      </span>
    ),
  },
];
