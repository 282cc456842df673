import { mayDo } from "@cronium/protocol/access";
import type { DeliveryVerdict } from "@cronium/protocol/webhook-tables";
import { type Role, roles } from "@cronium/protocol/roles";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { meQuery } from "../../api/account.ts";
import { PageHead } from "../../components/PageHead.tsx";
import { useTitle } from "../../lib/document-title.ts";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { TabPanel, Tabs } from "../../ui/Tabs.tsx";
import { target } from "../../ui/TextLink.tsx";
import { DeliveriesTab } from "./DeliveriesTab.tsx";
import { EndpointsTab } from "./EndpointsTab.tsx";

export interface WebhooksSearch {
  readonly tab?: "endpoints" | "deliveries" | undefined;
  readonly endpointId?: string | undefined;
  /** The one that is open. */
  readonly deliveryId?: string | undefined;
  readonly verdict?: DeliveryVerdict | undefined;
}

/** Where webhooks arrive, and what arrived. */
export function WebhooksPage(): ReactNode {
  useTitle(t("webhooks.title"));
  const { tab = "endpoints", endpointId, deliveryId, verdict }: WebhooksSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  const me = useQuery(meQuery());
  const role: Role = roles.find((known) => known === me.data?.role) ?? "viewer";
  return (
    <>
      <PageHead title={t("webhooks.title")} />
      <Tabs
        label={t("webhooks.tabs")}
        value={tab}
        tabs={(["endpoints", "deliveries"] as const).map((value) => ({ value, label: t(`webhooks.${value}`) }))}
        onChange={(next) => void navigate({ ...target(paths.webhooks(), { tab: next }), replace: true })}
      >
        <TabPanel value="endpoints">
          <EndpointsTab mayWrite={mayDo(role, "endpoints:write")} />
        </TabPanel>
        <TabPanel value="deliveries">
          <DeliveriesTab
            endpointId={endpointId}
            deliveryId={deliveryId}
            verdict={verdict}
            mayReplay={mayDo(role, "runs:trigger")}
          />
        </TabPanel>
      </Tabs>
    </>
  );
}
