import type { Message } from "@cronium/protocol/api/people";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messagesQuery, showMessage } from "../../api/account-links.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { ShownOnce } from "../../components/ShownOnce.tsx";
import { Time } from "../../components/Time.tsx";
import { useProven } from "../../forms/ProofDialog.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";

/** Links that no mail took to people, for the owner of the installation to pass on. */
export function MessagesTab(): ReactNode {
  const query = useQuery(messagesQuery());
  const [shown, setShown] = useState<{ readonly email: string; readonly link: string } | null>(null);
  const show = useProven(
    async (message: Message) => ({ email: message.email, link: await showMessage(message.id) }),
    setShown,
  );
  const columns: readonly Column<Message>[] = [
    { key: "email", title: t("messages.for"), grows: true, cell: (message) => message.email },
    { key: "subject", title: t("messages.subject"), from: "md", cell: (message) => message.subject },
    { key: "asked", title: t("messages.asked"), from: "sm", cell: (message) => <Time at={message.createdAt} /> },
    { key: "until", title: t("messages.until"), cell: (message) => <Time at={message.expiresAt} /> },
    {
      key: "show",
      title: "",
      align: "right",
      cell: (message) => (
        <Button
          size="small"
          aria-label={t("messages.showFor", message.email)}
          busy={show.busy}
          onClick={() => show.run(message)}
        >
          {t("messages.show")}
        </Button>
      ),
    },
  ];
  return (
    <>
      <Loadable query={query} rows={2}>
        {(page) =>
          page.items.length === 0 ? (
            <EmptyState title={t("messages.none")} help={t("messages.help")} />
          ) : (
            <>
              <p className="max-w-[70ch] px-4 py-3 text-dim lg:px-6">{t("messages.help")}</p>
              <div className="px-4 lg:px-6">
                <ErrorLine error={show.error} />
              </div>
              <DataTable
                label={t("settings.messages")}
                columns={columns}
                rows={page.items}
                rowKey={(message) => message.id}
              />
            </>
          )
        }
      </Loadable>
      {shown === null ? null : (
        <ShownOnce
          title={t("messages.linkFor", shown.email)}
          body={t("messages.linkBody")}
          text={shown.link}
          copy={t("invite.copy")}
          onClose={() => setShown(null)}
        />
      )}
      {show.dialog}
    </>
  );
}
