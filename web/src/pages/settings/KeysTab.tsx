import type { ApiKey } from "@cronium/protocol/api/api-keys";
import type { Role } from "@cronium/protocol/roles";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { keys } from "../../api/keys.ts";
import { apiKeysQuery, revokeApiKey } from "../../api/settings.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { NewKeyForm } from "../../forms/NewKeyForm.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";

/** `role` is the viewer's own. */
export function KeysTab({ role }: { readonly role: Role }): ReactNode {
  const query = useQuery(apiKeysQuery());
  const client = useQueryClient();
  const [isMaking, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const revoke = useMutation({
    mutationFn: revokeApiKey,
    onSettled: () => {
      setRevoking(null);
      return client.invalidateQueries({ queryKey: keys.apiKeys() });
    },
  });
  const add = (
    <Button look="primary" icon={<Plus {...icon} />} onClick={() => setMaking(true)}>
      {t("keys.new")}
    </Button>
  );
  const columns: readonly Column<ApiKey>[] = [
    {
      key: "name",
      title: t("keys.name"),
      grows: true,
      cell: (key) => (
        <span className="block truncate font-medium" title={key.name}>
          {key.name}
        </span>
      ),
    },
    {
      key: "owner",
      title: t("keys.owner"),
      from: "md",
      cell: (key) => (key.owner.kind === "installation" ? t("keys.installation") : key.owner.name),
    },
    { key: "role", title: t("keys.role"), from: "sm", cell: (key) => roleWord(key.role) },
    {
      key: "scopes",
      title: t("keys.scopes"),
      from: "lg",
      cell: (key) =>
        key.scopes === null ? (
          <span className="text-faint">{t("keys.allScopes")}</span>
        ) : (
          <span title={key.scopes.join(", ")}>{t("keys.scopeCount", key.scopes.length)}</span>
        ),
    },
    {
      key: "used",
      title: t("keys.used"),
      from: "md",
      cell: (key) => <Time at={key.lastUsedAt} empty={t("keys.unused")} />,
    },
    {
      key: "expires",
      title: t("keys.expires"),
      from: "sm",
      cell: (key) => <Time at={key.expiresAt} empty={t("keys.never")} />,
    },
    {
      key: "revoke",
      title: "",
      align: "right",
      cell: (key) => (
        <Button
          size="small"
          look="ghost"
          aria-label={`${t("keys.revoke")} ${key.name}`}
          onClick={() => setRevoking(key)}
        >
          {t("keys.revoke")}
        </Button>
      ),
    },
  ];
  return (
    <>
      <Loadable query={query} rows={3}>
        {(page) =>
          page.items.length === 0 ? (
            <EmptyState title={t("keys.none")} help={t("keys.noneHelp")} action={add} />
          ) : (
            <>
              <div className="flex items-center gap-3 px-4 py-3 lg:px-6">
                {add}
                <ErrorLine error={revoke.error} />
              </div>
              <DataTable label={t("settings.keys")} columns={columns} rows={page.items} rowKey={(key) => key.id} />
            </>
          )
        }
      </Loadable>
      {isMaking ? <NewKeyForm by={role} onClose={() => setMaking(false)} /> : null}
      {revoking === null ? null : (
        <ConfirmDialog
          open
          title={t("keys.revokeTitle", revoking.name)}
          body={t("keys.revokeBody")}
          confirm={t("keys.revoke")}
          keep={t("members.keep")}
          busy={revoke.isPending}
          onConfirm={() => revoke.mutate(revoking.id)}
          onClose={() => setRevoking(null)}
        />
      )}
    </>
  );
}

function roleWord(role: Role): string {
  return t(`role.${role}`);
}
