import type { Session } from "@cronium/protocol/api/sessions";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { keys } from "../../api/keys.ts";
import { endOtherSessions, endSession, sessionsQuery } from "../../api/settings.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { PasswordForm } from "../../forms/PasswordForm.tsx";
import { programName } from "../../lib/program-name.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { EmailSection } from "./EmailSection.tsx";
import { PasskeySection } from "./PasskeySection.tsx";
import { SecondFactorSection } from "./SecondFactorSection.tsx";

export function AccountTab(): ReactNode {
  const query = useQuery(sessionsQuery());
  const client = useQueryClient();
  const onSettled = (): Promise<void> => client.invalidateQueries({ queryKey: keys.sessions() });
  const end = useMutation({ mutationFn: endSession, onSettled });
  const endOthers = useMutation({ mutationFn: endOtherSessions, onSettled });
  const columns: readonly Column<Session>[] = [
    {
      key: "program",
      title: t("account.sessions"),
      grows: true,
      cell: (session) => (
        <span className="flex min-w-0 items-baseline gap-2">
          <span className="truncate" title={session.userAgent ?? undefined}>
            {session.userAgent === null ? t("account.unknown") : programName(session.userAgent)}
          </span>
          {session.isCurrent ? <span className="shrink-0 text-good">{t("account.this")}</span> : null}
        </span>
      ),
    },
    {
      key: "used",
      title: t("account.lastUsed"),
      from: "sm",
      cell: (session) => <Time at={session.lastUsedAt} />,
    },
    { key: "since", title: t("account.since"), from: "md", cell: (session) => <Time at={session.createdAt} /> },
    {
      key: "end",
      title: "",
      align: "right",
      cell: (session) =>
        session.isCurrent ? null : (
          <Button size="small" look="ghost" onClick={() => end.mutate(session.id)}>
            {t("account.end")}
          </Button>
        ),
    },
  ];
  return (
    <>
      <Loadable query={query} rows={2}>
        {(page) => (
          <>
            <DataTable
              label={t("account.sessions")}
              columns={columns}
              rows={page.items}
              rowKey={(session) => session.id}
            />
            {page.items.length > 1 ? (
              <div className="px-4 py-3 lg:px-6">
                <Button size="small" busy={endOthers.isPending} onClick={() => endOthers.mutate()}>
                  {t("account.endOthers")}
                </Button>
              </div>
            ) : null}
          </>
        )}
      </Loadable>
      <div className="px-4 lg:px-6">
        <ErrorLine error={end.error ?? endOthers.error} />
      </div>
      <EmailSection />
      <SecondFactorSection />
      <PasskeySection />
      <section className="px-4 pb-8 pt-6 lg:px-6">
        <h2 className="pb-3 text-15 font-semibold">{t("account.password")}</h2>
        <PasswordForm />
      </section>
    </>
  );
}
