import type { RegistrationToken } from "@cronium/protocol/api/runners";
import { registrationTokenKinds, registrationTokenStates } from "@cronium/protocol/registration-tokens";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { keys } from "../../api/keys.ts";
import { registrationTokensQuery, revokeRegistrationToken } from "../../api/runners.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Labels } from "../../components/Labels.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { NewTokenForm } from "../../forms/NewTokenForm.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";

/** What machines are registered with: usable tokens and those that have ended. */
export function TokensTab(): ReactNode {
  const query = useQuery(registrationTokensQuery());
  const client = useQueryClient();
  const [isMaking, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<RegistrationToken | null>(null);
  const revoke = useMutation({
    mutationFn: revokeRegistrationToken,
    onSettled: () => {
      setRevoking(null);
      return client.invalidateQueries({ queryKey: keys.registrationTokens() });
    },
  });
  const add = (
    <Button look="primary" icon={<Plus {...icon} />} onClick={() => setMaking(true)}>
      {t("tokens.new")}
    </Button>
  );
  const columns: readonly Column<RegistrationToken>[] = [
    {
      key: "kind",
      title: t("tokens.kind"),
      cell: (token) => <span title={registrationTokenKinds[token.kind]}>{t(`tokens.${token.kind}`)}</span>,
    },
    {
      key: "state",
      title: t("tokens.state"),
      cell: (token) => (
        <span
          className={token.state === "open" ? "text-good" : "text-faint"}
          title={registrationTokenStates[token.state]}
        >
          {t(`tokens.${token.state}`)}
        </span>
      ),
    },
    {
      key: "uses",
      title: t("tokens.uses"),
      from: "sm",
      cell: (token) => t("tokens.usesOf", token.uses, token.maxUses),
    },
    {
      key: "labels",
      title: t("tokens.labels"),
      from: "md",
      grows: true,
      cell: (token) => (
        <span className="block max-w-56 truncate">
          <Labels labels={token.labels} none={t("tokens.noLabels")} />
        </span>
      ),
    },
    { key: "by", title: t("tokens.by"), from: "lg", cell: (token) => token.createdBy ?? t("tokens.nobody") },
    {
      key: "created",
      title: t("tokens.created"),
      from: "lg",
      cell: (token) => <Time at={token.createdAt} />,
    },
    { key: "expires", title: t("tokens.expires"), from: "sm", cell: (token) => <Time at={token.expiresAt} /> },
    {
      key: "revoke",
      title: "",
      align: "right",
      cell: (token) =>
        token.state === "open" ? (
          <Button size="small" look="ghost" onClick={() => setRevoking(token)}>
            {t("tokens.revoke")}
          </Button>
        ) : null,
    },
  ];
  return (
    <>
      <Loadable query={query} rows={3}>
        {(page) =>
          page.items.length === 0 ? (
            <EmptyState title={t("tokens.none")} help={t("tokens.noneHelp")} action={add} />
          ) : (
            <>
              <div className="flex items-center gap-3 px-4 py-3 lg:px-6">
                {add}
                <ErrorLine error={revoke.error} />
              </div>
              <DataTable label={t("settings.tokens")} columns={columns} rows={page.items} rowKey={({ id }) => id} />
            </>
          )
        }
      </Loadable>
      {isMaking ? <NewTokenForm onClose={() => setMaking(false)} /> : null}
      {revoking === null ? null : (
        <ConfirmDialog
          open
          title={t("tokens.revokeTitle")}
          body={t("tokens.revokeBody")}
          confirm={t("tokens.revoke")}
          keep={t("tokens.keep")}
          busy={revoke.isPending}
          onConfirm={() => revoke.mutate(revoking.id)}
          onClose={() => setRevoking(null)}
        />
      )}
    </>
  );
}
