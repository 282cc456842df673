import { mayDo } from "@cronium/protocol/access";
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
import { AccountTab } from "./AccountTab.tsx";
import { AuditTab } from "./AuditTab.tsx";
import { KeysTab } from "./KeysTab.tsx";
import { ValuesPanel } from "../values/ValuesPanel.tsx";
import { MembersTab } from "./MembersTab.tsx";
import { MessagesTab } from "./MessagesTab.tsx";
import { WorkspaceTab } from "./WorkspaceTab.tsx";
import { TokensTab } from "./TokensTab.tsx";

const TABS = ["members", "values", "keys", "tokens", "account", "messages", "audit", "workspace"] as const;
const NEEDED = { tokens: "runners:write", messages: "messages:read", audit: "audit:read" } as const;
type SettingsTab = (typeof TABS)[number];

/** The filter of the audit stands beside it. */
export interface SettingsSearch {
  readonly tab?: SettingsTab | undefined;
}

export function SettingsPage(): ReactNode {
  useTitle(t("settings.title"));
  const { tab = "members" }: SettingsSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  const me = useQuery(meQuery());
  const role: Role = roles.find((known) => known === me.data?.role) ?? "viewer";
  const tabs = TABS.filter(
    (value) => (value !== "tokens" && value !== "audit" && value !== "messages") || mayDo(role, NEEDED[value]),
  );
  return (
    <>
      <PageHead title={t("settings.title")} />
      <Tabs
        label={t("settings.tabs")}
        value={tab}
        tabs={tabs.map((value) => ({ value, label: t(`settings.${value}`) }))}
        onChange={(next) => void navigate({ ...target(paths.settings(), { tab: next }), replace: true })}
      >
        <TabPanel value="members">
          <MembersTab role={role} />
        </TabPanel>
        <TabPanel value="values">
          <ValuesPanel role={role} eventId={null} />
        </TabPanel>
        <TabPanel value="keys">
          <KeysTab role={role} />
        </TabPanel>
        <TabPanel value="tokens">
          <TokensTab />
        </TabPanel>
        <TabPanel value="account">
          <AccountTab />
        </TabPanel>
        <TabPanel value="messages">
          <MessagesTab />
        </TabPanel>
        <TabPanel value="audit">
          <AuditTab />
        </TabPanel>
        <TabPanel value="workspace">
          <WorkspaceTab role={role} />
        </TabPanel>
      </Tabs>
    </>
  );
}
