import { mayDo } from "@cronium/protocol/access";
import type { Variable } from "@cronium/protocol/api/variables";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { deleteVariable, variablesQuery } from "../../api/values.ts";
import { ConflictLine } from "../../components/ConflictLine.tsx";
import { ConfirmDialog } from "../../components/ConfirmDialog.tsx";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { Loadable } from "../../components/Loadable.tsx";
import { VariableForm } from "../../forms/VariableForm.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { icon } from "../../ui/icons.ts";
import { NameCell, ScopeCell, SectionHead } from "./cells.tsx";
import type { ValuesPanelProps } from "./ValuesPanel.tsx";
import { VariableHistory } from "./VariableHistory.tsx";

type Open =
  | { readonly what: "form"; readonly variable: Variable | null }
  | { readonly what: "history" | "delete"; readonly variable: Variable };

export function VariablesSection({ role, eventId }: ValuesPanelProps): ReactNode {
  const query = useQuery(variablesQuery(eventId));
  const client = useQueryClient();
  const [open, setOpen] = useState<Open | null>(null);
  const close = (): void => setOpen(null);
  const blocked = mayDo(role, "variables:write") ? undefined : t("variables.noWrite");
  const remove = useMutation({
    mutationFn: deleteVariable,
    onSuccess: async () => {
      close();
      await client.invalidateQueries({ queryKey: ["variables"] });
    },
  });
  const newest = async ({ id }: Variable): Promise<Variable> => {
    const { items } = await client.fetchQuery({ ...variablesQuery(eventId), staleTime: 0 });
    const found = items.find((one) => one.id === id);
    if (found === undefined) {
      throw new Error(t("stale.gone"));
    }
    return found;
  };
  const columns: readonly Column<Variable>[] = [
    { key: "name", title: t("values.name"), grows: true, cell: (variable) => <NameCell value={variable} /> },
    {
      key: "value",
      title: t("variables.value"),
      cell: ({ value }) => {
        const text = typeof value === "string" ? value : JSON.stringify(value);
        return (
          <code className="block max-w-16 truncate font-mono text-12 sm:max-w-64" title={text}>
            {text}
          </code>
        );
      },
    },
    { key: "type", title: t("variables.type"), from: "md", cell: ({ type }) => t(`variables.type.${type}`) },
    {
      key: "scope",
      title: t("values.scope"),
      from: "sm",
      cell: (variable) => <ScopeCell value={variable} eventId={eventId} />,
    },
    {
      key: "acts",
      title: "",
      align: "right",
      cell: (variable) => (
        <Acts
          name={variable.name}
          blocked={blocked}
          isOwn={variable.eventId === eventId || eventId === null}
          onOpen={(what) => {
            remove.reset();
            setOpen({ what, variable });
          }}
        />
      ),
    },
  ];
  return (
    <section aria-label={t("variables.title")}>
      <SectionHead title={t("variables.title")} help={t("variables.help")}>
        <Button
          look="primary"
          icon={<Plus {...icon} />}
          onClick={() => setOpen({ what: "form", variable: null })}
          blocked={blocked}
        >
          {t("variables.new")}
        </Button>
      </SectionHead>
      <Loadable query={query} rows={3}>
        {(page) =>
          page.items.length === 0 ? (
            <EmptyState title={t("variables.none")} help={t("variables.noneHelp")} />
          ) : (
            <DataTable label={t("variables.title")} columns={columns} rows={page.items} rowKey={({ id }) => id} />
          )
        }
      </Loadable>
      {open?.what === "form" ? <VariableForm variable={open.variable} eventId={eventId} onClose={close} /> : null}
      {open?.what === "history" ? <VariableHistory variable={open.variable} blocked={blocked} onClose={close} /> : null}
      {open?.what === "delete" ? (
        <ConfirmDialog
          open
          title={t("variables.deleteTitle", open.variable.name)}
          body={
            <>
              {t("variables.deleteBody")}
              <ConflictLine
                error={remove.error}
                onReload={async () => {
                  await client.invalidateQueries({ queryKey: ["variables"] });
                  close();
                }}
                onOverwrite={async () => remove.mutate(await newest(open.variable))}
              />
            </>
          }
          confirm={t("values.delete")}
          keep={t("values.keep")}
          busy={remove.isPending}
          onConfirm={() => remove.mutate(open.variable)}
          onClose={close}
        />
      ) : null}
    </section>
  );
}

function Acts(props: {
  readonly name: string;
  readonly blocked: string | undefined;
  /** What belongs to the workspace is changed in the settings. */
  readonly isOwn: boolean;
  readonly onOpen: (what: "form" | "history" | "delete") => void;
}): ReactNode {
  const act = (what: "form" | "history" | "delete", word: string, blocked: string | undefined): ReactNode => (
    <Button
      size="small"
      look="ghost"
      aria-label={`${word} ${props.name}`}
      blocked={blocked}
      onClick={() => props.onOpen(what)}
    >
      {word}
    </Button>
  );
  return (
    <span className="flex justify-end gap-1">
      <span className="max-sm:hidden">{act("history", t("variables.history"), undefined)}</span>
      {props.isOwn ? act("form", t("variables.edit"), props.blocked) : null}
      {props.isOwn ? act("delete", t("values.delete"), props.blocked) : null}
    </span>
  );
}
