import type { Endpoint } from "@cronium/protocol/endpoint";
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { endpointsQuery } from "../../api/endpoints.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { EndpointForm } from "../../forms/EndpointForm.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";
import { EndpointDialog } from "./EndpointDialog.tsx";

export function EndpointsTab({ mayWrite }: { readonly mayWrite: boolean }): ReactNode {
  const query = useQuery(endpointsQuery());
  const [isMaking, setMaking] = useState(false);
  const [opened, setOpened] = useState<string | null>(null);
  const shown = query.data?.items.find(({ id }) => id === opened) ?? null;
  const add = mayWrite ? (
    <Button look="primary" icon={<Plus {...icon} />} onClick={() => setMaking(true)}>
      {t("webhooks.new")}
    </Button>
  ) : null;
  const columns: readonly Column<Endpoint>[] = [
    {
      key: "name",
      title: t("webhooks.name"),
      grows: true,
      cell: (endpoint) => (
        <button
          type="button"
          className="block max-w-full cursor-pointer truncate text-left font-medium hover:underline"
          onClick={() => setOpened(endpoint.id)}
        >
          {endpoint.name}
        </button>
      ),
    },
    { key: "state", title: t("webhooks.state"), cell: (endpoint) => <State endpoint={endpoint} /> },
    { key: "checks", title: t("webhooks.checks"), from: "sm", cell: (one) => t(`verify.${one.verification.kind}`) },
    {
      key: "events",
      title: t("webhooks.events"),
      from: "md",
      cell: (one) => t("webhooks.eventCount", one.targets.length),
    },
    { key: "changed", title: t("webhooks.changed"), from: "lg", cell: (one) => <Time at={one.updatedAt} /> },
  ];
  return (
    <>
      <Loadable query={query} rows={3}>
        {(page) =>
          page.items.length === 0 ? (
            <EmptyState
              title={t("webhooks.none")}
              help={t("webhooks.noneHelp")}
              command='cronium endpoints create --name Orders --event "Import orders" --verify github'
              action={add}
            />
          ) : (
            <>
              {add === null ? null : <div className="px-4 py-3 lg:px-6">{add}</div>}
              <DataTable label={t("webhooks.endpoints")} columns={columns} rows={page.items} rowKey={({ id }) => id} />
            </>
          )
        }
      </Loadable>
      {isMaking ? <EndpointForm endpoint={null} onClose={() => setMaking(false)} /> : null}
      {shown === null ? null : <EndpointDialog endpoint={shown} mayWrite={mayWrite} onClose={() => setOpened(null)} />}
    </>
  );
}

function State({ endpoint }: { readonly endpoint: Endpoint }): ReactNode {
  if (!endpoint.enabled) {
    return <span className="text-faint">{t("webhooks.disabled")}</span>;
  }
  return endpoint.listensUntil === null ? (
    <span className="text-good">{t("webhooks.enabled")}</span>
  ) : (
    <span className="text-hold">{t("webhooks.listening")}</span>
  );
}
