import { mayDo } from "@cronium/protocol/access";
import type { Secret } from "@cronium/protocol/api/secrets";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { FileUp, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { deleteSecret, secretsQuery } from "../../api/values.ts";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { ErrorLine } from "../../components/ErrorPanel.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { Time } from "../../components/Time.tsx";
import { ImportSecretsForm } from "../../forms/ImportSecretsForm.tsx";
import { useProven } from "../../forms/ProofDialog.tsx";
import { SecretForm } from "../../forms/SecretForm.tsx";
import { paths } from "../../lib/paths.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";
import { TextLink } from "../../ui/TextLink.tsx";
import { NameCell, ScopeCell, SectionHead } from "./cells.tsx";
import type { ValuesPanelProps } from "./ValuesPanel.tsx";

export function SecretsSection({ role, eventId }: ValuesPanelProps): ReactNode {
  const [open, setOpen] = useState<"import" | { readonly secret: Secret | null } | null>(null);
  const blocked = mayDo(role, "secrets:write") ? undefined : t("secrets.noWrite");
  const close = (): void => setOpen(null);
  const add = (
    <Button look="primary" icon={<Plus {...icon} />} onClick={() => setOpen({ secret: null })} blocked={blocked}>
      {t("secrets.new")}
    </Button>
  );
  return (
    <section aria-label={t("secrets.title")}>
      <SectionHead title={t("secrets.title")} help={t("secrets.help")}>
        <Button icon={<FileUp {...icon} />} onClick={() => setOpen("import")} blocked={blocked}>
          {t("secrets.import")}
        </Button>
        {add}
      </SectionHead>
      {mayDo(role, "secrets:read") ? (
        <SecretsTable eventId={eventId} blocked={blocked} onReplace={(secret) => setOpen({ secret })} />
      ) : (
        <p className="px-4 pb-2 text-dim lg:px-6">{t("secrets.notYours")}</p>
      )}
      {open === "import" ? <ImportSecretsForm eventId={eventId} onClose={close} /> : null}
      {open === null || open === "import" ? null : (
        <SecretForm secret={open.secret} eventId={eventId} onClose={close} />
      )}
    </section>
  );
}

function SecretsTable(props: {
  readonly eventId: string | null;
  readonly blocked: string | undefined;
  readonly onReplace: (secret: Secret) => void;
}): ReactNode {
  const { eventId, onReplace } = props;
  const query = useQuery(secretsQuery(eventId));
  const client = useQueryClient();
  const [deleting, setDeleting] = useState<Secret | null>(null);
  const remove = useProven(
    (secret: Secret) => deleteSecret(secret.id),
    async () => {
      setDeleting(null);
      await client.invalidateQueries({ queryKey: ["secrets"] });
    },
  );
  const columns: readonly Column<Secret>[] = [
    { key: "name", title: t("values.name"), grows: true, cell: (secret) => <NameCell value={secret} /> },
    {
      key: "short",
      title: "",
      from: "md",
      cell: ({ warnings }) =>
        warnings.length === 0 ? null : (
          <span className="text-warn" title={t("secrets.shortHelp")}>
            {t("secrets.short")}
          </span>
        ),
    },
    {
      key: "scope",
      title: t("values.scope"),
      from: "sm",
      cell: (secret) => <ScopeCell value={secret} eventId={eventId} />,
    },
    { key: "usedBy", title: t("secrets.usedBy"), from: "md", cell: (secret) => <UsedBy secret={secret} /> },
    {
      key: "lastUsed",
      title: t("secrets.lastUsed"),
      from: "sm",
      cell: ({ lastUsedAt }) => <Time at={lastUsedAt} empty={t("time.never")} />,
    },
    { key: "changed", title: t("secrets.changed"), from: "lg", cell: ({ updatedAt }) => <Time at={updatedAt} /> },
    {
      key: "acts",
      title: "",
      align: "right",
      // What belongs to the workspace is changed in the settings, where all its users are seen.
      cell: (secret) =>
        secret.eventId === eventId || eventId === null ? (
          <Acts
            name={secret.name}
            blocked={props.blocked}
            onReplace={() => onReplace(secret)}
            onDelete={() => {
              remove.reset();
              setDeleting(secret);
            }}
          />
        ) : null,
    },
  ];
  return (
    <Loadable query={query} rows={3}>
      {(page) => (
        <>
          {page.items.length === 0 ? (
            <EmptyState title={t("secrets.none")} help={t("secrets.noneHelp")} />
          ) : (
            <DataTable label={t("secrets.title")} columns={columns} rows={page.items} rowKey={({ id }) => id} />
          )}
          {deleting === null ? null : (
            <ConfirmDialog
              open
              title={t("secrets.deleteTitle", deleting.name)}
              body={deletionText(deleting)}
              confirm={t("values.delete")}
              keep={t("values.keep")}
              busy={remove.busy}
              onConfirm={() => remove.run(deleting)}
              onClose={() => setDeleting(null)}
            />
          )}
          <div className="px-4 lg:px-6">
            <ErrorLine error={remove.error} />
          </div>
          {remove.dialog}
        </>
      )}
    </Loadable>
  );
}

function Acts(props: {
  readonly name: string;
  readonly blocked: string | undefined;
  readonly onReplace: () => void;
  readonly onDelete: () => void;
}): ReactNode {
  const { name, blocked } = props;
  return (
    <span className="flex justify-end gap-1">
      <Button
        size="small"
        look="ghost"
        aria-label={`${t("secrets.replace")} ${name}`}
        blocked={blocked}
        onClick={props.onReplace}
      >
        {t("secrets.replace")}
      </Button>
      <Button
        size="small"
        look="ghost"
        aria-label={`${t("values.delete")} ${name}`}
        blocked={blocked}
        onClick={props.onDelete}
      >
        {t("values.delete")}
      </Button>
    </span>
  );
}

function UsedBy({ secret: { usedBy } }: { readonly secret: Secret }): ReactNode {
  const [first, ...more] = usedBy;
  if (first === undefined) {
    return <span className="text-faint">{t("secrets.unused")}</span>;
  }
  const all = usedBy.map(({ eventName }) => eventName).join(", ");
  return (
    <span className="block max-w-48 truncate" title={all}>
      <TextLink to={paths.event(first.eventId)}>{first.eventName}</TextLink>
      {more.length === 0 ? "" : ` +${more.length}`}
    </span>
  );
}

function deletionText({ usedBy }: Secret): string {
  return usedBy.length === 0
    ? t("secrets.deleteUnused")
    : t("secrets.deleteUsed", usedBy.map(({ eventName }) => eventName).join(", "));
}
