import type { AuditEntry } from "@cronium/protocol/api/audit";
import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { AuditFilter } from "../../api/keys.ts";
import { membersQuery } from "../../api/members.ts";
import { itemsOf } from "../../api/page.ts";
import { apiKeysQuery, auditExportPath, auditQuery, verifyAudit } from "../../api/settings.ts";
import { type Column, rowLink } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { PagedTable } from "../../components/PagedTable.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../lib/text.ts";
import { Button, buttonClasses } from "../../ui/Button.tsx";
import { AuditEntryDialog } from "./AuditEntryDialog.tsx";
import { AuditFilterBar } from "./AuditFilterBar.tsx";

const columns = (nameOf: NameOf, open: (entry: AuditEntry) => void): readonly Column<AuditEntry>[] => [
  { key: "when", title: t("audit.when"), cell: (entry) => <Time at={entry.at} /> },
  {
    key: "what",
    title: t("audit.what"),
    cell: (entry) => (
      <button type="button" className={rowLink} aria-label={t("audit.details", entry.verb)} onClick={() => open(entry)}>
        <code className="font-mono text-12">{entry.verb}</code>
      </button>
    ),
  },
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
  { key: "target", title: t("audit.target"), from: "lg", cell: (entry) => <Who id={entry.target} nameOf={nameOf} /> },
  { key: "who", title: t("audit.who"), from: "md", cell: (entry) => <Who id={entry.actor.id} nameOf={nameOf} /> },
];

type NameOf = (id: string) => string | undefined;

export function AuditTab(): ReactNode {
  const { verb, actor, target, from, to }: AuditFilter = useSearch({ strict: false });
  const filter: AuditFilter = { verb, actor, target, from, to };
  const [opened, setOpened] = useState<AuditEntry | null>(null);
  const query = useInfiniteQuery(auditQuery(filter));
  const members = useQuery(membersQuery());
  const keys = useQuery(apiKeysQuery());
  const people = new Map([
    ...(members.data?.items ?? []).map((member) => [member.userId, member.name] as const),
    ...(keys.data?.items ?? []).map((key) => [key.id, key.name] as const),
  ]);
  const nameOf: NameOf = (id) => people.get(id);
  const verify = useMutation({ mutationFn: verifyAudit });
  return (
    <>
      <div className="flex flex-wrap items-center gap-3 px-4 py-3 lg:px-6">
        <Button busy={verify.isPending} onClick={() => verify.mutate()}>
          {verify.isPending ? t("audit.verifying") : t("audit.verify")}
        </Button>
        <a href={auditExportPath(filter)} download className={buttonClasses()}>
          {t("audit.export")}
        </a>
        {verify.data === undefined ? null : (
          <p role="status" className={verify.data.isIntact ? "text-good" : "text-bad"}>
            {verify.data.message}
          </p>
        )}
        <ErrorLine error={verify.error} />
      </div>
      <AuditFilterBar filter={filter} people={people} />
      <PagedTable
        query={query}
        rows={itemsOf(query.data)}
        label={t("settings.audit")}
        columns={columns(nameOf, setOpened)}
        rowKey={(entry) => `${entry.chain} ${entry.seq}`}
        empty={
          Object.values(filter).some((value) => value !== undefined) ? (
            <EmptyState title={t("audit.noMatch")} help={t("audit.noMatchHelp")} />
          ) : (
            <EmptyState title={t("audit.none")} help={t("audit.noneHelp")} />
          )
        }
      />
      {opened === null ? null : <AuditEntryDialog entry={opened} nameOf={nameOf} onClose={() => setOpened(null)} />}
    </>
  );
}

/** By name while the person or key is still there, else by id. */
function Who({ id, nameOf }: { readonly id: string; readonly nameOf: NameOf }): ReactNode {
  const name = nameOf(id);
  return name === undefined ? (
    <code className="font-mono text-12 text-dim" title={id}>
      {id.length > 14 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id}
    </code>
  ) : (
    <span className="block max-w-48 truncate" title={id}>
      {name}
    </span>
  );
}

function changeText({ before, after }: AuditEntry): string {
  const word = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  if (before === null && after === null) {
    return "";
  }
  return before === null ? word(after) : `${word(before)} → ${after === null ? "–" : word(after)}`;
}
