import type { AuditEntry } from "@cronium/protocol/api/audit";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { itemsOf } from "../../api/page.ts";
import { auditQuery, verifyAudit } from "../../api/settings.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { apiPaths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button, buttonClasses } from "../../ui/Button.tsx";

const columns: readonly Column<AuditEntry>[] = [
  { key: "when", title: t("audit.when"), cell: (entry) => <Time at={entry.at} /> },
  { key: "what", title: t("audit.what"), cell: (entry) => <code className="font-mono text-12">{entry.verb}</code> },
  {
    key: "change",
    title: t("audit.change"),
    grows: true,
    cell: (entry) => (
      <span className="block truncate text-dim" title={changeText(entry)}>
        {changeText(entry)}
      </span>
    ),
  },
  { key: "target", title: t("audit.target"), from: "lg", cell: (entry) => <Id text={entry.target} /> },
  { key: "who", title: t("audit.who"), from: "md", cell: (entry) => <Id text={entry.actor.id} /> },
];

export function AuditTab(): ReactNode {
  const query = useInfiniteQuery(auditQuery());
  const verify = useMutation({ mutationFn: verifyAudit });
  const entries = itemsOf(query.data);
  return (
    <>
      <div className="flex flex-wrap items-center gap-3 px-4 py-3 lg:px-6">
        <Button busy={verify.isPending} onClick={() => verify.mutate()}>
          {verify.isPending ? t("audit.verifying") : t("audit.verify")}
        </Button>
        <a href={apiPaths.auditExport()} download className={buttonClasses()}>
          {t("audit.export")}
        </a>
        {verify.data === undefined ? null : (
          <p role="status" className={verify.data.isIntact ? "text-good" : "text-bad"}>
            {verify.data.message}
          </p>
        )}
        <ErrorLine error={verify.error} />
      </div>
      <Loadable query={query} rows={5}>
        {() =>
          entries.length === 0 ? (
            <EmptyState title={t("audit.none")} help={t("audit.noneHelp")} />
          ) : (
            <>
              <DataTable
                label={t("settings.audit")}
                columns={columns}
                rows={entries}
                rowKey={(entry) => String(entry.seq)}
              />
              {query.hasNextPage ? (
                <div className="px-4 py-3 lg:px-6">
                  <Button size="small" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                    {t("action.loadMore")}
                  </Button>
                </div>
              ) : null}
            </>
          )
        }
      </Loadable>
    </>
  );
}

function Id({ text }: { readonly text: string }): ReactNode {
  return (
    <code className="font-mono text-12 text-dim" title={text}>
      {text.length > 14 ? `${text.slice(0, 4)}…${text.slice(-6)}` : text}
    </code>
  );
}

function changeText({ before, after }: AuditEntry): string {
  const word = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  if (before === null && after === null) {
    return "";
  }
  return before === null ? word(after) : `${word(before)} → ${after === null ? "–" : word(after)}`;
}
