import type { Passkey } from "@cronium/protocol/api/passkeys";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { keys } from "../../api/keys.ts";
import { passkeysQuery, removePasskey } from "../../api/passkeys.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { NewPasskeyForm } from "../../forms/NewPasskeyForm.tsx";
import { useProven } from "../../forms/ProofDialog.tsx";
import { t } from "../../lib/text.ts";
import { hasPasskeys } from "../../lib/webauthn.ts";
import { Button } from "../../ui/Button.tsx";

export function PasskeySection(): ReactNode {
  const query = useQuery(passkeysQuery());
  const client = useQueryClient();
  const [isAdding, setAdding] = useState(false);
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: keys.passkeys() });
  const remove = useProven(removePasskey, refresh);
  const columns: readonly Column<Passkey>[] = [
    { key: "name", title: t("passkey.name"), grows: true, cell: (passkey) => passkey.name },
    { key: "since", title: t("passkey.since"), from: "sm", cell: (passkey) => <Time at={passkey.createdAt} /> },
    {
      key: "used",
      title: t("account.lastUsed"),
      from: "sm",
      cell: (passkey) => <Time at={passkey.lastUsedAt} empty={t("keys.unused")} />,
    },
    {
      key: "remove",
      title: "",
      align: "right",
      cell: (passkey) => (
        <Button
          size="small"
          look="ghost"
          aria-label={`${t("passkey.remove")} ${passkey.name}`}
          onClick={() => remove.run(passkey.id)}
        >
          {t("passkey.remove")}
        </Button>
      ),
    },
  ];
  return (
    <section className="pt-6">
      <div className="flex flex-col items-start gap-3 px-4 pb-3 lg:px-6">
        <h2 className="text-15 font-semibold">{t("passkey.title")}</h2>
        <p className="max-w-[70ch]">{t("passkey.help")}</p>
        <Button
          size="small"
          onClick={() => setAdding(true)}
          blocked={hasPasskeys() ? undefined : t("passkey.unavailable")}
        >
          {t("passkey.add")}
        </Button>
        <ErrorLine error={remove.error} />
      </div>
      <Loadable query={query} rows={1}>
        {(page) =>
          page.items.length === 0 ? null : (
            <DataTable
              label={t("passkey.title")}
              columns={columns}
              rows={page.items}
              rowKey={(passkey) => passkey.id}
            />
          )
        }
      </Loadable>
      {isAdding ? (
        <NewPasskeyForm
          onClose={() => setAdding(false)}
          onAdded={() => {
            setAdding(false);
            void refresh();
          }}
        />
      ) : null}
      {remove.dialog}
    </section>
  );
}
